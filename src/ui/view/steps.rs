//! The lesson's steps as a list that ticks itself off: for pages that do not hold the list in their own text.

use leptos::prelude::*;

use super::Remote;

/// The list.
pub fn steps(remote: Remote) -> impl IntoView {
    let steps = remote.signals.steps;
    view! {
        <ol class="steps" aria-label=remote.say("lab.steps")>
            <For
                each=move || steps.get()
                key=|step| (step.id.clone(), step.done)
                children=move |step| {
                    let mark = if step.done { "✓" } else { "○" };
                    let state = if step.done { remote.say("lab.stepDone") } else { remote.say("lab.stepOpen") };
                    view! {
                        <li>
                            <span class=if step.done { "done-mark" } else { "" } aria-hidden="true">{mark}</span>
                            <span>{step.text}<span class="visually-hidden">" "{state}</span></span>
                        </li>
                    }
                }
            />
        </ol>
    }
}
