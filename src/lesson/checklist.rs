//! The list of steps that ticks itself off. Changes nothing in a cluster; what is ticked stays ticked.

use super::check::{Look, Wrong};
use super::model::Step;
use super::trial::Objects;

/// What was tried in vain is not tried again for so many virtual seconds: a trial costs a copy of the cluster.
const PAUSE: f64 = 5.0;

/// Which steps of a lesson are done. What is ticked stays ticked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checklist {
    steps: Vec<Step>,
    done: Vec<bool>,
    /// When each step's attempt may be made again.
    again: Vec<f64>,
}

impl Checklist {
    /// No step is done.
    pub fn new(steps: Vec<Step>) -> Self {
        let (done, again) = (vec![false; steps.len()], vec![0.0; steps.len()]);
        Self { steps, done, again }
    }

    /// The steps and whether they are done.
    pub fn steps(&self) -> impl Iterator<Item = (&Step, bool)> {
        self.steps.iter().zip(self.done.iter().copied())
    }

    /// Marks steps as done that were done before, by id: after a reload.
    pub fn restore<S: AsRef<str>>(&mut self, ids: &[S]) {
        for (step, done) in self.steps.iter().zip(&mut self.done) {
            *done |= ids.iter().any(|id| id.as_ref() == step.id);
        }
    }

    /// Looks at the cluster and says which steps were ticked just now, by index.
    pub fn update(&mut self, objects: &dyn Objects) -> Vec<usize> {
        let mut ticked = Vec::new();
        let mut look = Look::new(objects);
        for at in 0..self.steps.len() {
            let Some(step) = self.steps.get(at) else { break };
            let waits = step.after.as_ref().is_some_and(|after| !self.is_done(after));
            if waits || self.done.get(at) == Some(&true) {
                continue;
            }
            let empty = step.checks.is_empty() && step.attempt.is_none();
            if empty || !step.checks.iter().all(|check| check.evaluate(&mut look).passed) {
                continue;
            }
            if let Some(attempt) = &step.attempt {
                let (now, again) = (objects.seconds(), self.again.get_mut(at));
                let Some(again) = again.filter(|again| now >= **again) else { continue };
                if !attempt.succeeds(objects) {
                    *again = now + PAUSE;
                    continue;
                }
            }
            if let Some(done) = self.done.get_mut(at) {
                *done = true;
            }
            ticked.push(at);
        }
        ticked
    }

    /// What keeps a step from being ticked: the first thing that is wrong. `None` for a step that is done, that is
    /// unknown, or that is about to be ticked.
    pub fn wrong(&self, id: &str, objects: &dyn Objects) -> Option<Wrong> {
        let (step, done) = self.steps().find(|(step, _)| step.id == id)?;
        if done {
            return None;
        }
        // A step that waits for another one is kept by whatever keeps that one.
        if let Some(before) = step.after.as_ref().filter(|before| !self.is_done(before)) {
            return self.wrong(before, objects);
        }
        let mut look = Look::new(objects);
        let checks = step.checks.iter().find_map(|check| check.wrong(&mut look));
        checks.or_else(|| step.attempt.as_ref()?.wrong(objects))
    }

    fn is_done(&self, id: &str) -> bool {
        self.steps().any(|(step, done)| done && step.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::attempt::Attempt;
    use super::super::check::{Check, Comparison};
    use super::super::trial::{Item, Outcome, Trial};
    use super::*;
    use serde_json::json;

    /// So many Jobs; a line such as `add 1` adds some, and each second adds `growth`.
    #[derive(Clone, Default)]
    struct Jobs {
        count: usize,
        growth: usize,
        now: f64,
    }

    impl Objects for Jobs {
        fn list(&self, _: &str, _: Option<&str>) -> Vec<Box<dyn Item>> {
            (0..self.count).map(|at| Box::new(json!({"metadata": {"name": format!("job-{at}")}})) as _).collect()
        }
        fn seconds(&self) -> f64 {
            self.now
        }
        fn copy(&self) -> Box<dyn Trial> {
            Box::new(self.clone())
        }
    }

    impl Trial for Jobs {
        fn run(&mut self, line: &str, _: f64) -> Outcome {
            self.growth += usize::from(line == "grow");
            Outcome::default()
        }
        fn advance(&mut self, seconds: f64) {
            self.now += seconds;
            self.count += self.growth;
        }
    }

    fn jobs(count: &str) -> Check {
        Check {
            resource: "jobs".to_owned(),
            namespace: None,
            name: None,
            labels: Vec::new(),
            owner: None,
            condition: None,
            fields: Vec::new(),
            count: Comparison::parse(count),
            hint: None,
        }
    }

    fn step(id: &str, after: Option<&str>, count: &str) -> Step {
        Step { id: id.to_owned(), after: after.map(str::to_owned), checks: vec![jobs(count)], ..Step::default() }
    }

    #[test]
    fn a_step_waits_for_the_one_before_it_and_stays_ticked() {
        let some = Jobs { count: 1, ..Jobs::default() };
        let mut list = Checklist::new(vec![step("deleted", Some("made"), "0"), step("made", None, "1")]);
        assert_eq!(list.update(&Jobs::default()), Vec::<usize>::new());
        assert_eq!(list.update(&some), [1]);
        assert_eq!(list.update(&Jobs::default()), [0]);
        assert_eq!(list.steps().filter(|(_, done)| *done).count(), 2);
    }

    #[test]
    fn an_attempt_is_made_on_a_copy_and_not_over_and_over() {
        let attempt = |run: &str, at_end| Attempt {
            run: run.to_owned(),
            seconds: 2.0,
            at_end,
            exit: None,
            checks: vec![jobs("2")],
            hint: None,
        };
        let with = |attempt| vec![Step { attempt: Some(attempt), ..step("grows", None, "0") }];
        let mut cluster = Jobs::default();
        let mut list = Checklist::new(with(attempt("grow", false)));
        assert_eq!(list.update(&cluster), [0], "two jobs are there after a second");
        assert_eq!((cluster.count, cluster.growth), (0, 0), "the copy alone was changed");
        let mut list = Checklist::new(with(attempt("grow", true)));
        assert_eq!(
            list.update(&cluster),
            [0usize; 0][..],
            "one more call of `advance`: two seconds at once make one job"
        );
        cluster.growth = 1;
        assert_eq!(list.update(&cluster), [0usize; 0][..], "it rests");
        cluster.now = PAUSE;
        assert_eq!(list.update(&cluster), [0]);
    }

    #[test]
    fn what_keeps_a_step_is_told_and_may_be_the_step_before_it() {
        let attempt = Attempt {
            run: "nothing".to_owned(),
            seconds: 1.0,
            at_end: false,
            exit: Some(0),
            checks: vec![jobs("9")],
            hint: None,
        };
        let grown = Attempt { run: "grow".to_owned(), checks: vec![jobs("2")], ..attempt.clone() };
        let asked = Attempt { exit: Some(1), hint: Some("ends".to_owned()), ..attempt.clone() };
        let told = Check { hint: Some("nine".to_owned()), ..jobs("9") };
        let checked = Attempt { checks: vec![told], hint: Some("ends".to_owned()), ..attempt.clone() };
        let steps = vec![
            step("made", None, "1"),
            step("two", Some("made"), "2"),
            Step { attempt: Some(attempt), ..step("tried", Some("made"), "1") },
            Step { attempt: Some(grown), ..step("well", Some("made"), "1") },
            Step { attempt: Some(asked), ..step("asked", Some("made"), "1") },
            Step { attempt: Some(checked), ..step("checked", Some("made"), "1") },
        ];
        let mut list = Checklist::new(steps);
        let missing = Some(Wrong::Missing { resource: "jobs".to_owned(), name: String::new() });
        assert_eq!(list.wrong("two", &Jobs::default()), missing);
        let one = Jobs { count: 1, ..Jobs::default() };
        list.update(&one);
        assert_eq!(list.wrong("made", &one), None);
        assert_eq!(list.wrong("two", &one), Some(Wrong::Count { resource: "jobs".to_owned(), found: 1 }));
        assert_eq!(list.wrong("tried", &one), Some(Wrong::Attempt { command: "nothing".to_owned() }));
        let told = |text: &str| Some(Wrong::Told { text: text.to_owned() });
        assert_eq!((list.wrong("asked", &one), list.wrong("checked", &one)), (told("ends"), told("nine")));
        assert_eq!(list.wrong("well", &one), None, "what comes out well keeps nobody");
        assert_eq!(list.wrong("none", &one), None);
    }
}
