//! Boxes and arrows as an inline SVG that reads as a sentence. Knows no Kubernetes; colours are the stylesheet's.

use std::fmt::Write;

use super::escape;

/// Where a row wraps: in the text column, and on a telephone, where everything would shrink beyond reading.
const WIDTHS: [(&str, usize); 2] = [("tn-flow-wide", 640), ("tn-flow-narrow", 320)];
const BOX: usize = 40;
const GAP: usize = 36;
const LINE: usize = 64;
/// How wide a character of 14 px may be.
const CHARACTER: usize = 8;
const MARGIN: usize = 4;

/// The figure; `id` makes the names inside of it unique on the page. The stylesheet shows one of its drawings.
pub(super) fn figure(rows: &[Vec<String>], note: &str, id: &str, then: &str) -> String {
    let sentence: Vec<String> = rows.iter().map(|row| row.join(then)).collect();
    let sentence = sentence.join(". ");
    let drawings = WIDTHS.map(|(class, width)| drawing(rows, &sentence, class, width, &format!("{id}-{width}")));
    let caption = if note.is_empty() { String::new() } else { format!("<figcaption>{note}</figcaption>\n") };
    format!("<figure class=\"tn-flow\">\n{}{caption}</figure>\n", drawings.concat())
}

fn drawing(rows: &[Vec<String>], sentence: &str, class: &str, wrap: usize, id: &str) -> String {
    let mut drawing = String::new();
    let (mut y, mut widest) = (MARGIN, 0);
    for row in rows {
        let mut x = MARGIN;
        for (at, text) in row.iter().enumerate() {
            let width = text.chars().count() * CHARACTER + 24;
            if at > 0 {
                // A row that is full goes on below, after an arrow of its own.
                if x + GAP + width > wrap {
                    x = MARGIN;
                    y += LINE;
                }
                arrow(&mut drawing, x, y, id);
                x += GAP;
            }
            let (middle, baseline) = (x + width / 2, y + BOX / 2 + 5);
            let _ = write!(
                drawing,
                "<rect class=\"tn-flow-box\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{BOX}\" rx=\"8\" fill=\"none\" stroke=\"currentColor\"/>\
                 <text class=\"tn-flow-text\" x=\"{middle}\" y=\"{baseline}\" text-anchor=\"middle\" fill=\"currentColor\">{}</text>",
                escape(text)
            );
            x += width;
            widest = widest.max(x);
        }
        y += LINE;
    }
    let (width, height) = (widest + MARGIN, y - LINE + BOX + MARGIN);
    format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" \
         aria-labelledby=\"{id}-title\" font-size=\"14\">\n\
         <title id=\"{id}-title\">{}</title>\n\
         <defs><marker id=\"{id}-head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
         orient=\"auto\"><path class=\"tn-flow-head\" d=\"M0 0 L8 4 L0 8 z\" fill=\"currentColor\"/></marker></defs>\n\
         {drawing}\n</svg>\n",
        escape(sentence)
    )
}

fn arrow(drawing: &mut String, x: usize, y: usize, id: &str) {
    let (from, to, y) = (x + 4, x + GAP - 4, y + BOX / 2);
    let _ = write!(
        drawing,
        "<path class=\"tn-flow-arrow\" d=\"M{from} {y} H{to}\" fill=\"none\" stroke=\"currentColor\" marker-end=\"url(#{id}-head)\"/>"
    );
}
