//! A depot: the ring of what is done, the name, the counts, the condition, and the wait before the next Pod.

use leptos::prelude::*;

use super::layout::Layout;
use super::{Remote, presses, seconds_left};
use crate::diagram::{Depot, DepotKind, Reference};
use crate::playground::Words;
use crate::ui::signals::Chosen;

/// The ring's radius.
const RING: f64 = 21.0;

/// The depot of this uid, for as long as it is in the picture.
pub fn depot(remote: Remote, layout: Memo<Layout>, uid: String) -> impl IntoView {
    let picture = remote.signals.picture;
    let wanted = uid.clone();
    let place = Memo::new(move |_| {
        let at = picture.with(|picture| picture.depots.iter().position(|depot| depot.uid == wanted));
        let y = layout.with(|layout| at.and_then(|at| layout.depots.get(at).copied()));
        (layout.with(|layout| layout.depot_x), y.unwrap_or_default())
    });
    let now = move || picture.with(|picture| picture.now);
    let depot =
        Memo::new(move |_| picture.with(|picture| picture.depots.iter().find(|depot| depot.uid == uid).cloned()));
    let about =
        move |tell: fn(&Depot) -> String| move || depot.with(|depot| depot.as_ref().map(tell).unwrap_or_default());
    let told = move |tell: fn(&Depot, &Words) -> String| {
        move || depot.with(|depot| depot.as_ref().map(|depot| tell(depot, &remote.words())).unwrap_or_default())
    };
    let choose = move || {
        let chosen = depot.with(|depot| depot.as_ref().map(reference)).map(Chosen::Object);
        remote.signals.chosen.set(chosen);
    };
    let width = move || layout.with(|layout| layout.depot_x * 2.0 - 8.0);
    let name =
        move || depot.with(|depot| depot.as_ref().map(|depot| cut(&depot.name, width() / 7.0)).unwrap_or_default());
    let waiting = move || depot.with(|depot| depot.as_ref().and_then(|depot| depot.back_off));
    let wait = move || {
        waiting().map(|wait| {
            let share = format!("{:.1} 100", wait.share_left(now()) * 100.0);
            view! { <circle class="wait tone-waiting" r="27" pathLength="100" stroke-dasharray=share transform="rotate(-90)" /> }
        })
    };
    let last_line = move || match waiting() {
        Some(wait) => remote.tell("lab.nextPod", &[("n", &seconds_left(wait.left(now())).to_string())]),
        None => depot.with(|depot| depot.as_ref().map(ending).unwrap_or_default()),
    };
    view! {
        <g
            class=about(|depot| format!("depot tone-{}", depot.tone().class()))
            transform=move || format!("translate({:.1} {:.1})", place.get().0, place.get().1)
        >
            <g
                role="button"
                tabindex="0"
                aria-label=told(label)
                on:click=move |_| choose()
                on:keydown=move |event| if presses(&event) { choose() }
            >
                <circle r="30" fill="transparent" />
                <circle class="ring" r=RING />
                <circle class="done" r=RING pathLength="100" transform="rotate(-90)" stroke-dasharray=about(share) />
            </g>
            // The words are said by the label and by the text form.
            <g class="words" aria-hidden="true">
                {wait}
                <text text-anchor="middle" y="4">{about(Depot::number)}</text>
                <text class="soft" text-anchor="middle" y="-33">{about(|depot| depot.kind.name().to_owned())}</text>
                <text class="name" text-anchor="middle" y="43">{name}</text>
                <text class="soft" text-anchor="middle" y="58" style="font-size: 10.5px">{told(counts)}</text>
                <text class="condition" text-anchor="middle" y="73" style="font-size: 11px">{last_line}</text>
            </g>
        </g>
    }
}

fn reference(depot: &Depot) -> Reference {
    Reference {
        kind: depot.kind.name().to_owned(),
        namespace: depot.namespace.clone(),
        name: depot.name.clone(),
        uid: depot.uid.clone(),
    }
}

/// The filled part of the ring, of 100.
fn share(depot: &Depot) -> String {
    let share = match depot.wanted {
        Some(wanted) if wanted > 0 => (f64::from(depot.done) / f64::from(wanted)).min(1.0),
        _ => 0.0,
    };
    format!("{:.1} 100", share * 100.0)
}

fn label(depot: &Depot, words: &Words) -> String {
    let object = format!("{} {}", depot.kind.name(), depot.name);
    words.tell("lab.inspect", &[("object", &object), ("state", &depot.count(words))])
}

fn counts(depot: &Depot, words: &Words) -> String {
    match depot.kind {
        DepotKind::Job => depot.active_and_failed(words),
        _ => depot.count(words).split_once(' ').map(|(_, word)| word.to_owned()).unwrap_or_default(),
    }
}

fn ending(depot: &Depot) -> String {
    match &depot.condition {
        _ if depot.terminating => "Terminating".to_owned(),
        Some(condition) => condition.kind.clone(),
        None => depot.note.clone(),
    }
}

/// A name that has no room for all of it keeps its beginning.
fn cut(name: &str, room: f64) -> String {
    let fits = name.chars().count() as f64 <= room;
    if fits { name.to_owned() } else { name.chars().take(room as usize - 1).chain(['…']).collect() }
}
