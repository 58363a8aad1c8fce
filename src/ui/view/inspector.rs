//! What is behind a line of the story or a token: who did it, the Events that tell of it, the object as it is now.

use leptos::prelude::*;

use super::Remote;
use crate::diagram::{EventNote, Reference};
use crate::playground::Action;
use crate::ui::signals::Chosen;

/// What is shown, gathered from the playground.
struct Shown {
    title: String,
    told: Option<String>,
    events: Vec<EventNote>,
    subject: Reference,
    yaml: Option<String>,
}

/// The panel; nothing while nothing is chosen.
pub fn inspector(remote: Remote) -> impl IntoView {
    let signals = remote.signals;
    move || {
        // What is shown follows what happens.
        signals.picture.track();
        let chosen = signals.chosen.get()?;
        let shown = look(remote, &chosen)?;
        Some(panel(remote, shown))
    }
}

fn look(remote: Remote, chosen: &Chosen) -> Option<Shown> {
    remote.call(|core| {
        core.read(|playground| match chosen {
            Chosen::Line(number) => {
                let line = playground.diagram().story().find(|line| line.number == *number)?;
                let seconds = line.at.since(playground.start()).as_secs_f64();
                Some(Shown {
                    title: line.text.clone(),
                    told: Some(
                        remote.tell("lab.didThis", &[("who", line.who.name()), ("n", &format!("{seconds:.1}"))]),
                    ),
                    events: line.events.clone(),
                    subject: line.subject.clone(),
                    yaml: playground.inspect(&line.subject),
                })
            }
            Chosen::Object(subject) => Some(Shown {
                title: format!("{} {}", subject.kind, subject.name),
                told: None,
                events: Vec::new(),
                subject: subject.clone(),
                yaml: playground.inspect(subject),
            }),
        })
    })
}

fn panel(remote: Remote, shown: Shown) -> impl IntoView {
    let command = shown.subject.command();
    let label = command.clone();
    let run = move |_| remote.call(|core| core.act(Action::RunCommand(command.clone())));
    let close = move |_| remote.signals.chosen.set(None);
    let object = format!("{} {}", shown.subject.kind, shown.subject.name);
    let gone = remote.tell("lab.noLonger", &[("object", &object)]);
    let exists = shown.yaml.is_some();
    let events = (!shown.events.is_empty()).then(|| {
        let entries = shown.events.into_iter().map(|event| {
            view! { <dt>{event.reason}</dt> <dd>{event.message}</dd> }
        });
        view! { <dl>{entries.collect_view()}</dl> }
    });
    view! {
        <div class="inspector" role="group" aria-label=remote.say("lab.inspector")>
            <header>
                <h2>{shown.title}</h2>
                <button type="button" class="quiet" aria-label=remote.say("lab.closeInspector") on:click=close>"✕"</button>
            </header>
            {shown.told.map(|told| view! { <p>{told}</p> })}
            {events}
            {exists.then(|| view! { <button type="button" class="action" on:click=run>{label}</button> })}
            {match shown.yaml {
                Some(yaml) => view! { <pre tabindex="0" aria-label=remote.say("lab.asYaml")>{yaml}</pre> }.into_any(),
                None => view! { <p>{gone}</p> }.into_any(),
            }}
        </div>
    }
}
