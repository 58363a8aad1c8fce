//! The picture as a living SVG: signs, tracks, depots, tokens and groups; below it the legend, the story, the inspector.

use leptos::prelude::*;

use super::layout::{HALF, Layout};
use super::{Remote, depot, inspector, legend, story, token};
use crate::diagram::{Group, Station};

/// The element's whole content.
pub fn diagram(remote: Remote) -> impl IntoView {
    let signals = remote.signals;
    let layout = Memo::new(move |_| signals.picture.with(|picture| Layout::new(picture, signals.width.get())));
    let text = Memo::new(move |_| signals.picture.with(|picture| picture.text(&remote.words())));
    let hint = Memo::new(move |_| signals.picture.with(|picture| picture.hint.clone()));
    view! {
        <div class="diagram" tabindex="0" role="group" aria-label=remote.say("lab.picture")>
            <svg
                class="drawing"
                width=move || layout.with(|layout| layout.width)
                height=move || layout.with(|layout| layout.height)
                viewBox=move || layout.with(|layout| format!("0 0 {:.0} {:.0}", layout.width, layout.height))
                role="group"
                aria-label=remote.say("lab.line")
            >
                {signs(layout)} {tracks(layout)} {depots(remote, layout)} {groups(remote, layout)}
                {tokens(remote, layout)}
            </svg>
            {move || hint.get().map(|hint| view! { <p class="empty">{marked(&hint)}</p> })}
            <div class="visually-hidden text">
                {move || text.get().lines().map(|line| view! { <p>{line.to_owned()}</p> }).collect_view()}
            </div>
            {legend::legend(remote)}
            {story::story(remote)}
            {inspector::inspector(remote)}
        </div>
    }
}

/// A sentence whose words between backticks are code.
fn marked(text: &str) -> impl IntoView + use<> {
    let parts = text.split('`').enumerate().map(|(at, part)| {
        let part = part.to_owned();
        if at % 2 == 1 { view! { <code>{part}</code> }.into_any() } else { part.into_any() }
    });
    parts.collect_view()
}

fn signs(layout: Memo<Layout>) -> impl IntoView {
    let column = move |at: usize| layout.with(|layout| layout.columns.get(at).copied().unwrap_or_default());
    let wide = move || layout.with(|layout| layout.columns[1] - layout.columns[0] > 118.0);
    let [pending, creating, running, succeeded, failed] = Station::ALL.map(Station::name);
    // The longest sign breaks where its second word begins.
    let at = creating.rfind(char::is_uppercase).unwrap_or_default();
    let (first, second) = creating.split_at(at);
    let sign = move |at: usize, y: f64, text: &'static str| {
        view! { <text class="sign" x=move || column(at) y=y text-anchor="middle">{text}</text> }
    };
    let second_word = move || (!wide()).then(|| sign(1, 34.0, second));
    view! {
        <g aria-hidden="true" class=move || if layout.with(Layout::is_narrow) { "narrow" } else { "" }>
            {sign(0, 27.0, pending)}
            <text class="sign" x=move || column(1) y=move || if wide() { 27.0 } else { 20.0 } text-anchor="middle">
                {move || if wide() { creating } else { first }}
            </text>
            {second_word}
            {sign(2, 27.0, running)}
            {sign(3, 20.0, succeeded)}
            {sign(3, 34.0, failed)}
        </g>
    }
}

fn tracks(layout: Memo<Layout>) -> impl IntoView {
    let count = Memo::new(move |_| layout.with(|layout| layout.lanes.len().max(1)));
    view! {
        <g aria-hidden="true">
            <For each=move || 0..count.get() key=|lane| *lane children=move |lane| {
                let stops = Station::ALL.map(|station| {
                    let place = move || layout.with(|layout| layout.place(station, lane));
                    view! { <circle class="stop" r="4.5" cx=move || place().0 cy=move || place().1 /> }
                });
                view! {
                    <path class="track" d=move || layout.with(|layout| layout.track(lane)) />
                    {stops.collect_view()}
                }
            } />
        </g>
    }
}

fn depots(remote: Remote, layout: Memo<Layout>) -> impl IntoView {
    let picture = remote.signals.picture;
    view! {
        <For
            each=move || picture.with(|picture| picture.depots.iter().map(|depot| depot.uid.clone()).collect::<Vec<_>>())
            key=|uid| uid.clone()
            children=move |uid| depot::depot(remote, layout, uid)
        />
    }
}

fn tokens(remote: Remote, layout: Memo<Layout>) -> impl IntoView {
    let picture = remote.signals.picture;
    view! {
        <For
            each=move || picture.with(|picture| picture.tokens.iter().map(|token| token.uid.clone()).collect::<Vec<_>>())
            key=|uid| uid.clone()
            children=move |uid| token::token(remote, layout, uid)
        />
    }
}

/// Tokens that ride together: a wider pill with their number.
fn groups(remote: Remote, layout: Memo<Layout>) -> impl IntoView {
    let picture = remote.signals.picture;
    let key = |group: &Group| (group.depot.clone(), group.station.name(), group.tone.class(), group.lane, group.count);
    view! {
        <For
            each=move || picture.with(|picture| picture.groups.clone())
            key=key
            children=move |group| {
                let names = group.names.join(", ");
                let more = if group.count > group.names.len() { ", …" } else { "" };
                let title = format!("{} Pods: {}: {names}{more}", group.count, group.station.name());
                let count = format!("× {}", group.count);
                let place = move || {
                    let (x, y) = layout.with(|layout| layout.place(group.station, group.lane));
                    format!("transform: translate({x:.1}px, {y:.1}px)")
                };
                view! {
                    <g class=format!("token tone-{}", group.tone.class()) style=place>
                        <title>{title}</title>
                        <rect class="pill" x=-HALF y="-13" width=2.0 * HALF height="26" rx="6" />
                        <text class="letters" y="4" text-anchor="middle">{count}</text>
                    </g>
                }
            }
        />
    }
}
