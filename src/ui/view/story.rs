//! The story as a list that grows: when, who, what. A line can be opened; the inspector shows what is behind it.

use leptos::prelude::*;

use super::Remote;
use crate::diagram::Transition;
use crate::ui::signals::Chosen;

/// The list.
pub fn story(remote: Remote) -> impl IntoView {
    let signals = remote.signals;
    let key = |line: &Transition| (line.number, line.at, line.who.name().to_owned(), line.text.clone());
    view! {
        <ol class="story" aria-label=remote.say("lab.story") aria-live="polite" aria-relevant="additions">
            <For
                // The newest line stands first: it is seen without scrolling.
                each=move || signals.story.with(|story| story.iter().rev().cloned().collect::<Vec<_>>())
                key=key
                children=move |line| {
                    let number = line.number;
                    let chosen = move || signals.chosen.with(|chosen| *chosen == Some(Chosen::Line(number)));
                    let seconds = format!("{:.1} s", line.at.since(signals.start).as_secs_f64());
                    view! {
                        <li class=format!("tone-{}", line.tone.class())>
                            <button
                                type="button"
                                aria-expanded=move || chosen().to_string()
                                on:click=move |_| signals.chosen.set(if chosen() { None } else { Some(Chosen::Line(number)) })
                            >
                                <time>{seconds}</time>
                                <span class="by">{line.who.name().to_owned()}</span>
                                <span class="what">{line.text.clone()}</span>
                            </button>
                        </li>
                    }
                }
            />
        </ol>
    }
}
