//! Where everything of the drawing stands, in CSS pixels for the room there is: text keeps its size, lines stretch.

use crate::diagram::{Picture, Station};

/// The signs above the stations.
const HEAD: f64 = 46.0;
/// A lane's height.
const LANE: f64 = 62.0;
/// The least height of a depot with its words.
const DEPOT: f64 = 124.0;
/// How far the two ends of the fork are from the lane's middle.
const FORK: f64 = 15.0;
/// Half the width of a token.
pub const HALF: f64 = 31.0;

/// The drawing's measures.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
    /// The middle of the depots.
    pub depot_x: f64,
    /// The four columns: Pending, ContainerCreating, Running, and the two ends.
    pub columns: [f64; 4],
    /// The middle of every lane.
    pub lanes: Vec<f64>,
    /// For every depot of the picture, the middle of its ring.
    pub depots: Vec<f64>,
}

impl Layout {
    /// For this picture in so much room.
    pub fn new(picture: &Picture, width: f64) -> Self {
        let width = width.max(320.0);
        let depot_width = (width * 0.21).clamp(108.0, 132.0);
        let first = depot_width + HALF + 4.0;
        let last = width - HALF - 16.0;
        let step = (last - first) / 3.0;
        let mut layout = Self {
            width,
            height: 0.0,
            depot_x: depot_width / 2.0 + 2.0,
            columns: [first, first + step, first + 2.0 * step, last],
            lanes: Vec::new(),
            depots: Vec::new(),
        };
        let mut y = HEAD;
        let mut lane = 0;
        for depot in &picture.depots {
            y = layout.lanes(picture, lane..depot.first_lane, y, LANE);
            let end = depot.first_lane + depot.lanes;
            let count = u32::try_from(depot.lanes.max(1)).map_or(1.0, f64::from);
            let height = (count * LANE).max(DEPOT);
            layout.depots.push(y + height / 2.0 - 14.0);
            layout.lanes(picture, depot.first_lane..end, y, height / count);
            y += height;
            lane = end;
        }
        y = layout.lanes(picture, lane..picture.lanes, y, LANE);
        layout.height = y + 6.0;
        layout
    }

    /// Whether the signs have little room.
    pub fn is_narrow(&self) -> bool {
        self.columns[1] - self.columns[0] < 80.0
    }

    /// Places lanes below `y`, tells where they end.
    fn lanes(&mut self, picture: &Picture, lanes: std::ops::Range<usize>, mut y: f64, height: f64) -> f64 {
        for _ in lanes.start..lanes.end.min(picture.lanes) {
            self.lanes.push(y + height / 2.0);
            y += height;
        }
        y
    }

    /// The middle of a lane.
    pub fn lane(&self, lane: usize) -> f64 {
        self.lanes.get(lane).copied().unwrap_or(HEAD + LANE / 2.0)
    }

    /// Where something at this station of this lane stands.
    pub fn place(&self, station: Station, lane: usize) -> (f64, f64) {
        let column = Station::ALL.iter().position(|known| *known == station).unwrap_or(0);
        let x = self.columns.get(column).or(self.columns.last()).copied().unwrap_or_default();
        let aside = match column {
            0..3 => 0.0,
            3 => -FORK,
            _ => FORK,
        };
        (x, self.lane(lane) + aside)
    }

    /// The line of a lane from its depot to the fork's two ends, as a path.
    pub fn track(&self, lane: usize) -> String {
        let y = self.lane(lane);
        let [first, _, running, end] = self.columns;
        let depot = self.depot_of(lane).map_or_else(
            || format!("M{:.1} {y:.1}", first - HALF),
            |ring| {
                let from = self.depot_x + 27.0;
                let middle = (from + first) / 2.0;
                format!("M{from:.1} {ring:.1} C{middle:.1} {ring:.1} {middle:.1} {y:.1} {first:.1} {y:.1}")
            },
        );
        let (split, bend) = (running + HALF, (running + HALF + end) / 2.0);
        let branch = |to: f64| format!("M{split:.1} {y:.1} C{bend:.1} {y:.1} {bend:.1} {to:.1} {end:.1} {to:.1}");
        format!("{depot} H{split:.1} {} {}", branch(y - FORK), branch(y + FORK))
    }

    /// The ring that a lane starts from.
    fn depot_of(&self, lane: usize) -> Option<f64> {
        let y = self.lane(lane);
        self.depots.iter().copied().find(|ring| (ring + 14.0 - y).abs() < DEPOT / 2.0).or_else(|| {
            // The lanes of a tall depot are further from its middle; the nearest ring is theirs.
            self.depots.iter().copied().min_by(|a, b| (a - y).abs().total_cmp(&(b - y).abs()))
        })
    }
}
