//! The time controls, where a video player has them: back, run or halt, step, speed, and a bar to drag.

use std::time::Duration;

use leptos::prelude::*;

use super::Remote;
use crate::playground::{Action, Mark, Playground, Speed};
use crate::ui::signals::{ClockFace, Signals};

/// The bar of controls.
pub fn time(remote: Remote) -> impl IntoView {
    let signals = remote.signals;
    let clock = signals.clock;
    let running = Memo::new(move |_| clock.with(|clock| clock.running));
    let act = move |action: Action| remote.call(|core| core.act(action));
    let toggle = move |_| act(if running.get_untracked() { Action::Pause } else { Action::Resume });
    let play = move || if running.get() { "M7 5v14 M17 5v14" } else { "M7 4l13 8-13 8z" };
    view! {
        <div class="time" role="group" aria-label=remote.say("lab.time")>
            {button(remote.say("lab.back"), || "M18 5l-9 7 9 7z M6 5v14", move |_| remote.call(|core| core.step_back()))}
            <button type="button" class="quiet" aria-label=move || if running.get() { remote.say("lab.pause") } else { remote.say("lab.run") }
                title=move || if running.get() { remote.say("lab.pauseKey") } else { remote.say("lab.runKey") } on:click=toggle>
                {icon(play)}
            </button>
            {button(remote.say("lab.step"), || "M6 5l9 7-9 7z M18 5v14", move |_| act(Action::Step))}
            {speeds(remote)}
            {skip(remote)}
            <span class="clock">{move || clock.with(|clock| minutes(clock.now))}</span>
            {scrub(remote)}
            {button(remote.say("lab.undo"), || "M9 14L4 9l5-5 M4 9h10a6 6 0 0 1 0 12h-3", move |_| act(Action::Undo))}
            {button(remote.say("lab.reset"), || "M4 5v5h5 M5 10a8 8 0 1 1-1 5", move |_| act(Action::Reset))}
        </div>
    }
}

fn button(
    label: String,
    drawing: fn() -> &'static str,
    press: impl Fn(leptos::ev::MouseEvent) + 'static,
) -> impl IntoView {
    view! { <button type="button" class="quiet" aria-label=label.clone() title=label on:click=press>{icon(drawing)}</button> }
}

fn icon(drawing: impl Fn() -> &'static str + Send + 'static) -> impl IntoView {
    view! { <svg class="icon" viewBox="0 0 24 24" width="18" height="18" aria-hidden="true"><path d=drawing /></svg> }
}

fn speeds(remote: Remote) -> impl IntoView {
    let clock = remote.signals.clock;
    // Several labs on a page: the radio buttons of each are a group of their own inside their shadow root.
    let choices = Speed::ALL.map(|speed| {
        let chosen = move || clock.with(|clock| clock.speed == speed);
        let choose = move |_| remote.call(|core| core.act(Action::SetSpeed(speed)));
        view! {
            <label>
                <input type="radio" name="speed" prop:checked=chosen on:change=choose aria-label=remote.tell("lab.times", &[("n", &speed.factor().to_string())]) />
                <span aria-hidden="true">{format!("{}×", speed.factor())}</span>
            </label>
        }
    });
    view! { <fieldset class="speeds" aria-label=remote.say("lab.speed")>{choices.collect_view()}</fieldset> }
}

/// How far the clock can be put forward at once, in seconds; the last goes to the next morning.
const SKIPS: [&str; 4] = ["60", "600", "3600", "morning"];

/// A list of skips that always shows its own name: choosing one starts it.
fn skip(remote: Remote) -> impl IntoView {
    let choose = move |event: leptos::ev::Event| {
        let list = event_target::<web_sys::HtmlSelectElement>(&event);
        let chosen = list.value();
        list.set_value("");
        remote.call(|core| match chosen.parse() {
            Ok(seconds) => core.act(Action::Skip(Duration::from_secs(seconds))),
            Err(_) => core.act(Action::Skip(core.read(Playground::until_morning))),
        });
    };
    let texts =
        [remote.say("lab.minute"), remote.say("lab.minutes"), remote.say("lab.hour"), remote.say("lab.morning")];
    let options = SKIPS.into_iter().zip(texts).map(|(value, text)| view! { <option value=value>{text}</option> });
    view! {
        <select class="skip" aria-label=remote.say("lab.putForward") title=remote.say("lab.putForward") on:change=choose>
            <option value="">{remote.say("lab.skip")}</option>
            {options.collect_view()}
        </select>
    }
}

fn scrub(remote: Remote) -> impl IntoView {
    let Signals { clock, marks, start, .. } = remote.signals;
    let reach = Memo::new(move |_| clock.with(|clock| clock.end.max(10.0)));
    let drag = move |event| {
        if let Ok(seconds) = event_target_value(&event).parse::<f64>() {
            remote.call(|core| core.scrub(seconds));
        }
    };
    let ticks = move || {
        let reach = reach.get();
        let commands = marks.with(|marks| marks.iter().filter_map(|mark| tick(mark, start, reach)).collect::<Vec<_>>());
        commands.into_iter().map(|left| view! { <i style=left></i> }).collect_view()
    };
    view! {
        <span class="scrub">
            <input type="range" min="0" step="0.1" aria-label=remote.say("lab.instant")
                max=move || reach.get()
                prop:value=move || clock.with(|clock| clock.now)
                aria-valuetext=move || clock.with(|clock| said(remote, clock))
                on:input=drag />
            <span class="marks" aria-hidden="true">{ticks}</span>
        </span>
    }
}

/// Where the mark of a command stands on the bar.
fn tick(mark: &Mark, start: crate::sim::Time, reach: f64) -> Option<String> {
    mark.command.as_ref()?;
    let share = mark.at.since(start).as_secs_f64() / reach;
    Some(format!("left: {:.2}%", (share * 100.0).clamp(0.0, 100.0)))
}

fn said(remote: Remote, clock: &ClockFace) -> String {
    let seconds = format!("{:.0}", clock.now);
    let values = [("n", seconds.as_str())];
    if clock.running { remote.tell("lab.secondsRunning", &values) } else { remote.tell("lab.secondsHalted", &values) }
}

fn minutes(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    let (hours, minutes, seconds) = (whole / 3_600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}
