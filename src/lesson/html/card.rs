//! The picture that a link to a page is shown with elsewhere (Open Graph): the course, the title, and a Pod's way along
//! its line. Draws pixels; writes no file, and knows no page.

use fontdue::{Font, FontSettings};

/// Width and height in pixels, as those who show such pictures ask for.
pub const SIZE: (u32, u32) = (1200, 630);

/// Colours of the dark page (`www/styles/tokens.css`).
const PAGE: [u8; 3] = [0x14, 0x17, 0x1b];
const INK: [u8; 3] = [0xe7, 0xea, 0xee];
const SOFT: [u8; 3] = [0xa8, 0xb1, 0xbb];
const LINE: [u8; 3] = [0x72, 0x7c, 0x88];
const WAITING: [u8; 3] = [0xf0, 0xc2, 0x4b];
const RUNNING: [u8; 3] = [0x62, 0xb0, 0xff];
const SUCCEEDED: [u8; 3] = [0x4c, 0xd3, 0x9a];

/// The margin on the left and on the right.
const MARGIN: f32 = 80.0;
/// Sizes of a title, the biggest first: the first one with which it fits into three lines is taken.
const TITLES: [f32; 3] = [84.0, 70.0, 58.0];
const TITLE_LINES: usize = 3;
const ABOUT_LINES: usize = 3;
/// Stations of a Pod that goes well.
const STATIONS: [(&str, [u8; 3]); 4] =
    [("Pending", WAITING), ("ContainerCreating", WAITING), ("Running", RUNNING), ("Succeeded", SUCCEEDED)];

/// What a card says.
#[derive(Clone, Copy, Debug)]
pub struct Card<'c> {
    /// Above: the course, or where it is found.
    pub course: &'c str,
    /// In large letters.
    pub title: &'c str,
    /// Below it.
    pub about: &'c str,
}

/// The letters.
#[derive(Debug)]
pub struct Letters {
    text: Font,
    code: Font,
}

impl Letters {
    /// Reads them.
    ///
    /// # Errors
    /// The fonts cannot be read.
    pub fn new() -> Result<Self, String> {
        let read = |bytes: &[u8]| Font::from_bytes(bytes, FontSettings::default()).map_err(str::to_owned);
        Ok(Self { text: read(epaint_default_fonts::UBUNTU_LIGHT)?, code: read(epaint_default_fonts::HACK_REGULAR)? })
    }

    /// The card as a PNG file.
    ///
    /// # Errors
    /// It cannot be encoded.
    pub fn draw(&self, card: Card<'_>) -> Result<Vec<u8>, String> {
        let mut canvas = Canvas::new();
        canvas.write(&self.code, card.course, (MARGIN, 104.0), 34.0, RUNNING);
        let width = SIZE.0 as f32 - 2.0 * MARGIN;
        let fits = |size: &&f32| wrap(&self.text, card.title, **size, width).len() <= TITLE_LINES;
        let size = TITLES.iter().find(fits).or(TITLES.last()).copied().unwrap_or(58.0);
        let mut bottom = 140.0;
        for line in clip(wrap(&self.text, card.title, size, width), TITLE_LINES) {
            bottom += size * 1.14;
            canvas.write(&self.text, &line, (MARGIN, bottom - size * 0.2), size, INK);
        }
        bottom += 22.0;
        let room = ((SIZE.1 as f32 - 150.0 - bottom) / 44.0).max(0.0) as usize;
        for line in clip(wrap(&self.text, card.about, 33.0, width), room.min(ABOUT_LINES)) {
            bottom += 44.0;
            canvas.write(&self.text, &line, (MARGIN, bottom), 33.0, SOFT);
        }
        self.stations(&mut canvas);
        canvas.encode()
    }

    /// The line along the bottom.
    fn stations(&self, canvas: &mut Canvas) {
        let (top, radius) = (SIZE.1 as f32 - 92.0, 13.0);
        let step = (SIZE.0 as f32 - 2.0 * MARGIN - 2.0 * radius) / (STATIONS.len() - 1) as f32;
        let at = |station: usize| MARGIN + radius + step * station as f32;
        canvas.bar((MARGIN + radius, top - 2.0), (at(STATIONS.len() - 1), top + 2.0), LINE);
        for (station, (name, colour)) in STATIONS.iter().enumerate() {
            canvas.disc((at(station), top), radius, *colour);
            if *colour == WAITING {
                canvas.disc((at(station), top), radius - 4.0, PAGE);
            }
            let size = 21.0;
            let wide = width_of(&self.code, name, size);
            let left = (at(station) - wide / 2.0).clamp(MARGIN, SIZE.0 as f32 - MARGIN - wide);
            canvas.write(&self.code, name, (left, top + 50.0), size, SOFT);
        }
    }
}

fn width_of(font: &Font, text: &str, size: f32) -> f32 {
    text.chars().map(|letter| font.metrics(letter, size).advance_width).sum()
}

/// Lines no wider than `width`; a word that is wider has a line of its own.
fn wrap(font: &Font, text: &str, size: f32, width: f32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width_of(font, &format!("{line} {word}"), size) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The first lines; the last one says when there were more.
fn clip(mut lines: Vec<String>, most: usize) -> Vec<String> {
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            let kept = last.rsplit_once(' ').map_or(last.as_str(), |(before, _)| before);
            *last = format!("{} …", kept.trim_end_matches([',', '.', ':', ';']));
        }
    }
    lines
}

struct Canvas {
    pixels: Vec<u8>,
}

impl Canvas {
    fn new() -> Self {
        Self { pixels: PAGE.repeat((SIZE.0 * SIZE.1) as usize) }
    }

    /// Puts a colour over a pixel, as opaque as `cover` (0 to 1).
    fn blend(&mut self, x: i32, y: i32, cover: f32, colour: [u8; 3]) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
        if x >= SIZE.0 || y >= SIZE.1 || cover <= 0.0 {
            return;
        }
        let at = ((y * SIZE.0 + x) * 3) as usize;
        for (pixel, ink) in self.pixels.iter_mut().skip(at).zip(colour) {
            let mixed = f32::from(*pixel) + (f32::from(ink) - f32::from(*pixel)) * cover.min(1.0);
            *pixel = mixed.round() as u8;
        }
    }

    /// Writes a line that begins at `x` and stands on the base line `y`.
    fn write(&mut self, font: &Font, text: &str, (x, y): (f32, f32), size: f32, colour: [u8; 3]) {
        let mut pen = x;
        for letter in text.chars() {
            let (metrics, coverage) = font.rasterize(letter, size);
            let left = pen.round() as i32 + metrics.xmin;
            let top = y.round() as i32 - metrics.ymin - metrics.height as i32;
            for (row, line) in coverage.chunks(metrics.width.max(1)).enumerate() {
                for (column, cover) in line.iter().enumerate() {
                    self.blend(left + column as i32, top + row as i32, f32::from(*cover) / 255.0, colour);
                }
            }
            pen += metrics.advance_width;
        }
    }

    fn disc(&mut self, (x, y): (f32, f32), radius: f32, colour: [u8; 3]) {
        let reach = radius.ceil() as i32 + 1;
        for down in -reach..=reach {
            for right in -reach..=reach {
                let (column, row) = (x as i32 + right, y as i32 + down);
                let away = (column as f32 + 0.5 - x).hypot(row as f32 + 0.5 - y);
                self.blend(column, row, radius - away + 0.5, colour);
            }
        }
    }

    fn bar(&mut self, (left, top): (f32, f32), (right, bottom): (f32, f32), colour: [u8; 3]) {
        for row in top as i32..bottom as i32 {
            for column in left as i32..right as i32 {
                self.blend(column, row, 1.0, colour);
            }
        }
    }

    fn encode(&self) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, SIZE.0, SIZE.1);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&self.pixels));
        written.map_err(|error| error.to_string())?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(title: &str, about: &str) -> Vec<u8> {
        Letters::new().unwrap().draw(Card { course: "Tabernetes", title, about }).unwrap()
    }

    #[test]
    fn a_card_is_a_png_of_its_size_and_shows_what_it_says() {
        let card = draw("What is a Job", "Run a program to its end.");
        let reader = png::Decoder::new(std::io::Cursor::new(&card)).read_info().unwrap();
        assert_eq!((reader.info().width, reader.info().height), SIZE);
        assert!(card.len() < 100_000, "{}", card.len());
        assert_ne!(card, draw("What is a Pod", "Run a program to its end."));
        assert_ne!(card, draw("What is a Job", "Another sentence."));
        assert_eq!(card, draw("What is a Job", "Run a program to its end."));
    }

    #[test]
    fn a_long_title_gets_smaller_letters_and_a_long_text_ends_with_dots() {
        let letters = Letters::new().unwrap();
        let text = "Ein Befehl, der Dollarzeichen ausgibt, und noch viel mehr davon. ".repeat(8);
        let lines = wrap(&letters.text, &text, 33.0, 1040.0);
        assert!(lines.iter().all(|line| width_of(&letters.text, line, 33.0) <= 1040.0));
        let clipped = clip(lines.clone(), 2);
        assert!(clipped.len() == 2 && clipped[1].ends_with(" …") && !clipped[0].contains('…'), "{clipped:?}");
        assert_eq!(clip(lines.clone(), lines.len()), lines);
        for letter in "äöüÄÖÜß„“–…éñ".chars() {
            assert_ne!(letters.text.lookup_glyph_index(letter), 0, "{letter} cannot be drawn");
        }
    }
}
