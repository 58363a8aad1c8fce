//! What the shapes of the tokens mean.

use leptos::prelude::*;

use crate::diagram::Tone;

/// One line, in the order of a Pod's life.
pub fn legend() -> impl IntoView {
    let entries = [
        (Tone::Waiting, "waiting", ""),
        (Tone::Running, "running", "M5 2.5 v5 l4.5 -2.5 z"),
        (Tone::Succeeded, "exit 0", "M4 5 l2 2.500 l4 -5"),
        (Tone::Failed, "failed", "M4.500 2.500 l5 5 m0 -5 l-5 5"),
        (Tone::Terminating, "going away", ""),
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
    view! { <ul class="legend" aria-label="What the shapes mean">{items.collect_view()}</ul> }
}
