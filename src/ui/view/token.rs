//! A token: a Pod on its way. Shape, word and colour tell its state; it slides when it moves and never jumps.

use leptos::prelude::*;

use super::layout::{HALF, Layout};
use super::{Remote, presses, seconds_left};
use crate::diagram::{Reference, Station, Token, Tone};
use crate::ui::signals::Chosen;

/// The token of this uid, for as long as it is in the picture.
pub fn token(remote: Remote, layout: Memo<Layout>, uid: String) -> impl IntoView {
    let picture = remote.signals.picture;
    let token =
        Memo::new(move |_| picture.with(|picture| picture.tokens.iter().find(|token| token.uid == uid).cloned()));
    let now = move || picture.with(|picture| picture.now);
    let about =
        move |tell: fn(&Token) -> String| move || token.with(|token| token.as_ref().map(tell).unwrap_or_default());
    let label = move || {
        let said =
            token.with(|token| token.as_ref().map(|token| (format!("Pod {}", token.name), token.station.name())));
        let (object, state) = said.unwrap_or_default();
        remote.tell("lab.inspect", &[("object", &object), ("state", state)])
    };
    let place = move || {
        let at = token.with(|token| token.as_ref().map(|token| (token.station, token.lane)));
        let (x, y) = at.map(|(station, lane)| layout.with(|layout| layout.place(station, lane))).unwrap_or_default();
        format!("transform: translate({x:.1}px, {y:.1}px)")
    };
    let choose = move || {
        let chosen = token.with(|token| token.as_ref().map(reference)).map(Chosen::Object);
        remote.signals.chosen.set(chosen);
    };
    view! {
        <g class=about(|token| format!("token tone-{}", token.tone.class())) style=place>
            <g
                role="button"
                tabindex="0"
                aria-label=label
                on:click=move |_| choose()
                on:keydown=move |event| if presses(&event) { choose() }
            >
                <rect class="pulse" x=-HALF y="-12" width=2.0 * HALF height="24" rx="12" />
                <rect class="plate" x=-HALF y="-12" width=2.0 * HALF height="24" rx="12" />
                <rect class="pill" x=-HALF y="-12" width=2.0 * HALF height="24" rx="12" />
                <path class="mark" d=about(|token| mark(token.tone).to_owned()) />
            </g>
            // The words are said by the label and by the text form.
            <g class="words" aria-hidden="true">
                <text class="letters" x=about(|token| letters_x(token.tone).to_owned()) y="4" text-anchor="middle">
                    {about(|token| token.letters.clone())}
                </text>
                {restarts(token)}
                {move || wait(token, now())}
                {move || note(remote, token, now())}
                {who(token)}
            </g>
        </g>
    }
}

fn reference(token: &Token) -> Reference {
    Reference {
        kind: "Pod".to_owned(),
        namespace: token.namespace.clone(),
        name: token.name.clone(),
        uid: token.uid.clone(),
    }
}

/// The sign at the left of the letters.
fn mark(tone: Tone) -> &'static str {
    match tone {
        Tone::Succeeded => "M-24 0 l3 4 l6 -8",
        Tone::Failed => "M-23 -4 l7 8 M-16 -4 l-7 8",
        Tone::Running => "M-22 -4 v8 l6 -4 z",
        Tone::Waiting | Tone::Terminating => "",
    }
}

fn letters_x(tone: Tone) -> &'static str {
    if mark(tone).is_empty() { "0" } else { "7" }
}

/// A loop above the token with the number of restarts.
fn restarts(token: Memo<Option<Token>>) -> impl IntoView {
    let count = Memo::new(move |_| token.with(|token| token.as_ref().map_or(0, |token| token.restarts)));
    move || {
        (count.get() > 0).then(|| {
            view! {
                <path class="loop" d="M14 -13 C24 -30 -24 -30 -14 -14 M-14 -14 l-2 -6 M-14 -14 l6 -2" />
                <text class="note" x="19" y="-17" style="font-size: 11px">{format!("×{}", count.get())}</text>
            }
        })
    }
}

/// A ring that empties while the Pod waits for its next try.
fn wait(token: Memo<Option<Token>>, now: crate::sim::Time) -> Option<impl IntoView> {
    let wait = token.with(|token| token.as_ref().and_then(|token| token.back_off))?;
    let share = format!("{:.1} 100", wait.share_left(now) * 100.0);
    Some(view! {
        <rect class="wait" x=-HALF - 4.0 y="-16" width=2.0 * HALF + 8.0 height="32" rx="16" pathLength="100"
            stroke-dasharray=share />
    })
}

/// The word below: why it waits, with what it ended, that its logs are there.
fn note(remote: Remote, token: Memo<Option<Token>>, now: crate::sim::Time) -> Option<impl IntoView> {
    let token = token.get()?;
    let ended = token.station >= Station::Succeeded;
    let mut words = Vec::new();
    if let Some(code) = token.exit_code.filter(|_| ended) {
        words.push(format!("exit {code}"));
    }
    if token.terminating {
        words.push("Terminating".to_owned());
    } else if !(token.reason.is_empty() || ended && token.exit_code.is_some()) {
        words.push(token.reason.clone());
    }
    if let Some(wait) = token.back_off {
        words.push(format!("{} s", seconds_left(wait.left(now))));
    }
    if ended && token.logs {
        words.push(remote.say("lab.logs"));
    }
    let text = words.join(" · ");
    // At the ends of the fork the words stand on the way that the Pod took; elsewhere below the token.
    let (x, y, anchor) = match token.station {
        Station::Succeeded => (-HALF - 6.0, -10.0, "end"),
        Station::Failed => (-HALF - 6.0, 17.0, "end"),
        _ => (0.0, 27.0, "middle"),
    };
    (!text.is_empty())
        .then(|| view! { <text class="note" x=x y=y text-anchor=anchor style="font-size: 11px">{text}</text> })
}

/// Who moved it: a label that fades.
fn who(token: Memo<Option<Token>>) -> impl IntoView {
    let moved = Memo::new(move |_| {
        token.with(|token| token.as_ref().map(|token| (token.moved_at, token.moved_by.clone(), token.restarts > 0)))
    });
    move || {
        moved.get().map(|(_, who, loops)| {
            let y = if loops { "-33" } else { "-18" };
            view! { <text class="who" y=y text-anchor="middle" style="font-size: 11px">{who.name().to_owned()}</text> }
        })
    }
}
