//! Lays the state out for one instant: which depot stands where, which token in which lane, who rides in a group.

use std::collections::BTreeMap;

use super::fold::{Diagram, PodEntry};
use super::model::{DepotKind, Group, Picture, Station, Tone};
use crate::sim::Time;

/// The names that a group tells.
const NAMED: usize = 5;

/// The letters on a Pod's token: the five of a generated name, else the name's last five.
pub fn letters(name: &str) -> String {
    match name.rsplit('-').next() {
        Some(suffix) if suffix.chars().count() == 5 => suffix.to_owned(),
        _ => {
            let count = name.chars().count();
            name.chars().skip(count.saturating_sub(5)).collect()
        }
    }
}

impl Diagram {
    /// The picture at `now`. When there are more tokens than `max_lanes` lanes, the depots with the most of them
    /// gather theirs into groups.
    pub fn picture(&self, now: Time, max_lanes: usize) -> Picture {
        let mut members: BTreeMap<Option<&str>, Vec<&PodEntry>> = BTreeMap::new();
        for entry in self.pods.values() {
            members.entry(entry.token.depot.as_deref()).or_default().push(entry);
        }
        let mut order: Vec<(u64, Option<&str>)> = self
            .depots
            .iter()
            .filter(|(uid, entry)| {
                // A ReplicaSet shows itself only when no Deployment in the picture stands for it.
                entry.depot.kind != DepotKind::ReplicaSet || self.root_of(uid).as_deref() == Some(uid.as_str())
            })
            .map(|(uid, entry)| (entry.order, Some(uid.as_str())))
            .collect();
        // What a deleted owner left behind, and Pods that never had one, come last.
        let listed = order.len();
        for orphan in members.keys() {
            if order.iter().take(listed).all(|(_, uid)| uid != orphan) {
                order.push((u64::MAX, *orphan));
            }
        }
        order.sort();

        let grouped = self.to_group(&order, &members, max_lanes.max(1));
        let mut picture =
            Picture { now, depots: Vec::new(), tokens: Vec::new(), groups: Vec::new(), lanes: 0, hint: None };
        for (_, uid) in &order {
            let entries = members.get(uid).map_or(&[][..], Vec::as_slice);
            let first = picture.lanes;
            let lanes = if grouped.contains(uid) {
                gather(&mut picture, *uid, entries, first)
            } else {
                for entry in entries {
                    let mut token = entry.token.clone();
                    token.lane = first + entry.slot;
                    token.back_off = token.back_off.filter(|wait| wait.until > now);
                    picture.tokens.push(token);
                }
                entries.iter().map(|entry| entry.slot + 1).max().unwrap_or(1)
            };
            if let Some(entry) = uid.and_then(|uid| self.depots.get(uid)) {
                let alive = entries.iter().filter(|entry| entry.token.station < Station::Succeeded).count();
                let mut depot = entry.depot.clone();
                depot.back_off = entry.job_back_off(now, alive);
                (depot.first_lane, depot.lanes) = (first, lanes);
                picture.depots.push(depot);
            }
            picture.lanes += lanes;
        }
        picture.tokens.sort_by(|a, b| a.lane.cmp(&b.lane).then_with(|| a.uid.cmp(&b.uid)));
        picture.lanes = picture.lanes.max(1);
        if picture.depots.is_empty() && picture.tokens.is_empty() {
            picture.hint = Some(self.words.say("lab.nothing"));
        }
        picture
    }

    /// The depots whose tokens gather, most tokens first, until the rest fits.
    fn to_group<'a>(
        &self,
        order: &[(u64, Option<&'a str>)],
        members: &BTreeMap<Option<&'a str>, Vec<&PodEntry>>,
        max_lanes: usize,
    ) -> Vec<Option<&'a str>> {
        let mut heights: Vec<(usize, Option<&'a str>)> = order
            .iter()
            .map(|(_, uid)| {
                let slots = members.get(uid).into_iter().flatten().map(|entry| entry.slot + 1);
                (slots.max().unwrap_or(1), *uid)
            })
            .collect();
        heights.sort();
        let mut total: usize = heights.iter().map(|(height, _)| height).sum();
        let mut grouped = Vec::new();
        while total > max_lanes {
            match heights.pop() {
                Some((height, uid)) if height > 1 => {
                    grouped.push(uid);
                    total -= height - 1;
                }
                _ => break,
            }
        }
        grouped
    }
}

/// Gathers a depot's tokens by station and tone; tells how many lanes that took.
fn gather(picture: &mut Picture, depot: Option<&str>, entries: &[&PodEntry], first: usize) -> usize {
    let mut counts: BTreeMap<(Station, Tone), Vec<&PodEntry>> = BTreeMap::new();
    for entry in entries {
        counts.entry((entry.token.station, entry.token.tone)).or_default().push(entry);
    }
    let mut used: BTreeMap<Station, usize> = BTreeMap::new();
    for ((station, tone), mut together) in counts {
        together.sort_by_key(|entry| entry.order);
        let row = used.entry(station).or_default();
        picture.groups.push(Group {
            depot: depot.map(str::to_owned),
            station,
            tone,
            count: together.len(),
            lane: first + *row,
            names: together.iter().take(NAMED).map(|entry| entry.token.name.clone()).collect(),
        });
        *row += 1;
    }
    used.values().copied().max().unwrap_or(1)
}
