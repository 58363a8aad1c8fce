//! What the shapes of the tokens mean.

use leptos::prelude::*;

use super::Remote;
use crate::diagram::Tone;

/// One line, in the order of a Pod's life.
pub fn legend(remote: Remote) -> impl IntoView {
    let entries = [
        (Tone::Waiting, remote.say("lab.waiting"), ""),
        (Tone::Running, remote.say("lab.running"), "M5 2.5 v5 l4.5 -2.5 z"),
        (Tone::Succeeded, remote.say("lab.exitZero"), "M4 5 l2 2.500 l4 -5"),
        (Tone::Failed, remote.say("lab.failed"), "M4.500 2.500 l5 5 m0 -5 l-5 5"),
        (Tone::Terminating, remote.say("lab.goingAway"), ""),
    ];
    let items = entries.map(|(tone, word, mark)| {
        view! {
            <li class=format!("tone-{}", tone.class())>
                <svg width="16" height="10" aria-hidden="true">
                    <rect class="shape" x="0.75" y="0.75" width="14" height="8.500" rx="4.250" />
                    <path class="sign" d=mark />
                </svg>
                {word}
            </li>
        }
    });
    view! { <ul class="legend" aria-label=remote.say("lab.legend")>{items.collect_view()}</ul> }
}
