//! A picture as a static SVG, for HTML that is read before (or without) any script. Draws, decides nothing.
//! Colours are custom properties of the page with fallbacks: `--state-waiting`, `--state-running`, ...

use std::fmt::Write;

use super::model::{Depot, Picture, Station, Token, Tone};
use crate::text::words::Words;

const LANE: usize = 44;
const TOP: usize = 64;
const LEFT: usize = 168;
const STEP: usize = 124;
const WIDTH: usize = LEFT + 4 * STEP + 72;

/// The picture as a complete `<svg>` element, with `title` as its name and its text form as description.
pub fn svg(picture: &Picture, title: &str, words: &Words) -> String {
    let height = TOP + LANE * picture.lanes + 40;
    let mut out = format!(
        "<svg class=\"tn-diagram\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         xmlns=\"http://www.w3.org/2000/svg\" font-family=\"ui-sans-serif, system-ui, sans-serif\" font-size=\"12\">\n\
         <title>{}</title>\n<desc>{}</desc>\n",
        escape(title),
        escape(&picture.text(words))
    );
    let middle = TOP + LANE * picture.lanes / 2;
    let line = "fill=\"none\" stroke=\"var(--line, #8a9099)\" stroke-width=\"3\"";
    let fork = x(Station::Running) + 24;
    let end = x(Station::Succeeded);
    let _ = writeln!(out, "<path {line} d=\"M{} {middle} H{fork}\"/>", LEFT - 40);
    for tilt in [-1_i64, 1] {
        let to = i64::try_from(middle).unwrap_or(0) + tilt * 24;
        let _ =
            writeln!(out, "<path {line} d=\"M{fork} {middle} C{} {middle} {} {to} {end} {to}\"/>", fork + 40, end - 50);
    }
    for station in Station::ALL {
        let (at, sign) = (x(station), sign_y(station, middle));
        let _ = writeln!(
            out,
            "<text x=\"{at}\" y=\"{sign}\" text-anchor=\"middle\" fill=\"currentColor\">{}</text>",
            station.name()
        );
    }
    for depot in &picture.depots {
        draw_depot(&mut out, depot);
    }
    for token in &picture.tokens {
        draw_token(&mut out, token);
    }
    for group in &picture.groups {
        let y = TOP + LANE * group.lane + LANE / 2;
        draw_stop(&mut out, x(group.station), y, group.tone, &format!("× {}", group.count));
    }
    if let Some(hint) = &picture.hint {
        let y = height - 12;
        let _ =
            writeln!(out, "<text x=\"16\" y=\"{y}\" fill=\"currentColor\">{}</text>", escape(&hint.replace('`', "")));
    }
    out.push_str("</svg>\n");
    out
}

/// Where a station stands; the two ends of the fork share a column.
fn x(station: Station) -> usize {
    LEFT + STEP
        * match station {
            Station::Pending => 0,
            Station::ContainerCreating => 1,
            Station::Running => 2,
            Station::Succeeded | Station::Failed => 4,
        }
}

fn sign_y(station: Station, middle: usize) -> usize {
    match station {
        Station::Succeeded => 24,
        Station::Failed => middle + middle.saturating_sub(8),
        _ => 24,
    }
}

fn draw_depot(out: &mut String, depot: &Depot) {
    let y = TOP + LANE * depot.first_lane + LANE * depot.lanes / 2;
    let share = match depot.wanted {
        Some(wanted) if wanted > 0 => (f64::from(depot.done) / f64::from(wanted)).min(1.0),
        _ => 0.0,
    };
    let whole = 2.0 * std::f64::consts::PI * 16.0;
    let colour = colour(depot.tone());
    let _ = writeln!(
        out,
        "<g><circle cx=\"32\" cy=\"{y}\" r=\"16\" fill=\"none\" stroke=\"var(--line, #8a9099)\" stroke-width=\"4\"/>\
         <circle cx=\"32\" cy=\"{y}\" r=\"16\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"4\" \
         stroke-dasharray=\"{:.1} {whole:.1}\" transform=\"rotate(-90 32 {y})\"/>\
         <text x=\"56\" y=\"{}\" fill=\"currentColor\" font-weight=\"600\">{}</text>\
         <text x=\"56\" y=\"{}\" fill=\"currentColor\">{}</text></g>",
        share * whole,
        y.saturating_sub(2),
        escape(&depot.name),
        y + 13,
        escape(&format!("{} {}", depot.kind.name(), depot.number())),
    );
}

fn draw_token(out: &mut String, token: &Token) {
    let y = TOP + LANE * token.lane + LANE / 2;
    draw_stop(out, x(token.station), y, token.tone, &token.letters);
    let note = match (token.exit_code, token.reason.as_str()) {
        (Some(code), "") if token.station >= Station::Succeeded => format!("exit {code}"),
        (Some(code), reason) if token.station >= Station::Succeeded => format!("exit {code} {reason}"),
        (_, reason) => reason.to_owned(),
    };
    if !note.is_empty() {
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" font-size=\"10\" fill=\"currentColor\">{}</text>",
            x(token.station),
            y + 22,
            escape(&note)
        );
    }
}

fn draw_stop(out: &mut String, x: usize, y: usize, tone: Tone, letters: &str) {
    let colour = colour(tone);
    let (fill, ink, dash) = match tone {
        Tone::Waiting => ("none", colour.as_str(), " stroke-dasharray=\"4 3\""),
        Tone::Terminating => ("none", colour.as_str(), " opacity=\"0.6\""),
        _ => (colour.as_str(), "var(--on-state, #ffffff)", ""),
    };
    let _ = writeln!(
        out,
        "<g class=\"tn-token tn-{}\"><rect x=\"{}\" y=\"{}\" width=\"56\" height=\"24\" rx=\"12\" fill=\"{fill}\" \
         stroke=\"{colour}\" stroke-width=\"2\"{dash}/><text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" \
         font-family=\"ui-monospace, monospace\" fill=\"{ink}\">{}</text></g>",
        tone.class(),
        x.saturating_sub(28),
        y.saturating_sub(12),
        y + 4,
        escape(letters)
    );
}

fn colour(tone: Tone) -> String {
    let fallback = match tone {
        Tone::Waiting => "#8a6d00",
        Tone::Running => "#0b62b0",
        Tone::Succeeded => "#0a7a50",
        Tone::Failed => "#b3261e",
        Tone::Terminating => "#5f6368",
    };
    format!("var(--state-{}, {fallback})", tone.class())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
