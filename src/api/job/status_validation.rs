//! Whether a change of a Job's status is acceptable, whoever makes it. What was wrong before and stays as it was is let
//! pass, so that a controller can go on with the rest.
//!
//! Models Kubernetes 1.36 pkg/apis/batch/validation/validation.go (`ValidateJobStatusUpdate`) and
//! pkg/registry/batch/job/strategy.go (`getStatusValidationOptions`).

use k8s_openapi::api::batch::v1::{Job, JobSpec, JobStatus};
use serde_json::json;

use crate::api::job_spec;
use crate::api::validate::{self, Errors};
use crate::apimachinery::field::{Error, Path};

fn is(status: &JobStatus, kind: &str, truth: &str) -> bool {
    status.conditions.iter().flatten().any(|held| held.type_ == kind && held.status == truth)
}

fn holds(status: &JobStatus, kind: &str) -> bool {
    is(status, kind, "True")
}

fn finished(status: &JobStatus) -> bool {
    holds(status, "Complete") || holds(status, "Failed")
}

/// A new status and the one before.
struct Change<'a> {
    spec: &'a JobSpec,
    new: &'a JobStatus,
    old: &'a JobStatus,
    path: Path,
    errors: Errors,
}

/// `ValidateJobUpdateStatus`
pub fn validate(job: &Job, before: &Job) -> Errors {
    let none = JobStatus::default();
    let Some(spec) = &job.spec else { return Errors::new() };
    let (new, old) = (job.status.as_ref().unwrap_or(&none), before.status.as_ref().unwrap_or(&none));
    let mut change = Change { spec, new, old, path: Path::new("status"), errors: Errors::new() };
    change.numbers();
    change.conditions();
    change.finish();
    change.indexes();
    change.counts();
    change.success();
    change.history();
    change.errors
}

impl Change<'_> {
    fn changed(&self, of: impl Fn(&JobStatus) -> bool) -> bool {
        of(self.new) != of(self.old)
    }

    fn condition(&mut self, why: &str) {
        self.errors.push(Error::invalid_shown(&self.path.child("conditions"), "", why));
    }

    fn numbers(&mut self) {
        let new = self.new;
        for (name, number) in [
            ("active", new.active),
            ("succeeded", new.succeeded),
            ("failed", new.failed),
            ("ready", new.ready),
            ("terminating", new.terminating),
        ] {
            validate::nonnegative_if_set(&mut self.errors, &self.path.child(name), number);
        }
        let Some(uncounted) = &new.uncounted_terminated_pods else { return };
        let mut seen = Vec::new();
        for (name, uids) in [("succeeded", &uncounted.succeeded), ("failed", &uncounted.failed)] {
            for (at, uid) in uids.iter().flatten().enumerate() {
                let path = self.path.child("uncountedTerminatedPods").child(name).index(at);
                if uid.is_empty() {
                    self.errors.push(Error::invalid(&path, uid, "must not be empty"));
                } else if seen.contains(&uid) {
                    self.errors.push(Error::duplicate(&path, uid));
                } else {
                    seen.push(uid);
                }
            }
        }
    }

    fn conditions(&mut self) {
        let new = self.new;
        let (complete, failed) = (holds(new, "Complete"), holds(new, "Failed"));
        let completes = self.changed(|status| holds(status, "Complete"));
        let fails = self.changed(|status| holds(status, "Failed"));
        if (completes || fails) && complete && failed {
            self.condition("cannot set Complete=True and Failed=true conditions");
        }
        let targets = self.changed(|status| holds(status, "FailureTarget"));
        if (completes || targets) && complete && holds(new, "FailureTarget") {
            self.condition("cannot set Complete=True and FailureTarget=true conditions");
        }
        let at = self.path.child("completionTime");
        let (started, ended) = (new.start_time != self.old.start_time, new.completion_time != self.old.completion_time);
        if completes || ended {
            if new.completion_time.is_some() && !complete {
                let why = "cannot set completionTime when there is no Complete=True condition";
                self.errors.push(Error::invalid(&at, &new.completion_time, why));
            }
            if new.completion_time.is_none() && complete {
                self.errors.push(Error::required(&at, "completionTime is required for Complete jobs"));
            }
        }
        if (started || ended)
            && let (Some(start), Some(end)) = (&new.start_time, &new.completion_time)
            && end.0 < start.0
        {
            self.errors.push(Error::invalid(&at, end, "must be equal to or after `startTime`"));
        }
        if (fails || new.failed_indexes != self.old.failed_indexes) && failed && !holds(new, "FailureTarget") {
            self.condition("cannot set Failed=True condition without the FailureTarget=true condition");
        }
        let criteria = self.changed(|status| holds(status, "SuccessCriteriaMet"));
        if (completes || criteria) && complete && !holds(new, "SuccessCriteriaMet") {
            self.condition("cannot set Complete=True condition without the SuccessCriteriaMet=true condition");
        }
    }

    /// What a Job that is over may still have.
    fn finish(&mut self) {
        let (new, old) = (self.new, self.old);
        if !finished(new) {
            return;
        }
        let finishes = self.changed(finished);
        if let Some(active) = new.active.filter(|active| *active > 0 && (finishes || new.active != old.active)) {
            self.errors.push(Error::invalid(
                &self.path.child("active"),
                active,
                "active>0 is invalid for finished job",
            ));
        }
        let nothing = self.spec.suspend == Some(true) && self.spec.completions == Some(0);
        if (finishes || new.start_time != old.start_time) && !nothing && new.start_time.is_none() {
            let at = self.path.child("startTime");
            self.errors.push(Error::required(&at, "startTime is required for finished job"));
        }
        let uncounted = new.uncounted_terminated_pods.as_ref().filter(|held| {
            let pods = held.failed.iter().flatten().count() + held.succeeded.iter().flatten().count();
            pods > 0 && (finishes || new.uncounted_terminated_pods != old.uncounted_terminated_pods)
        });
        if let Some(held) = uncounted {
            let shown = json!({"Succeeded": held.succeeded, "Failed": held.failed}).to_string();
            let at = self.path.child("uncountedTerminatedPods");
            self.errors.push(Error::invalid_shown(&at, shown, "must be empty for finished job"));
        }
    }

    fn indexes(&mut self) {
        let (new, old) = (self.new, self.old);
        let (completed, failed) = (new.completed_indexes.as_deref().unwrap_or_default(), new.failed_indexes.as_deref());
        let completed_changed = completed != old.completed_indexes.as_deref().unwrap_or_default();
        let failed_changed = new.failed_indexes != old.failed_indexes;
        let (at_completed, at_failed) = (self.path.child("completedIndexes"), self.path.child("failedIndexes"));
        if let Some(completions) = self.spec.completions {
            if completed_changed && let Err(why) = job_spec::count_indexes(completed, completions) {
                let why = format!("error parsing completedIndexes: {why}");
                self.errors.push(Error::invalid(&at_completed, completed, why));
            }
            if failed_changed
                && self.spec.backoff_limit_per_index.is_some()
                && let Some(failed) = failed
                && let Err(why) = job_spec::count_indexes(failed, completions)
            {
                self.errors.push(Error::invalid(&at_failed, failed, format!("error parsing failedIndexes: {why}")));
            }
        }
        let indexed = self.spec.completion_mode.as_deref() == Some("Indexed");
        if completed_changed && !completed.is_empty() && !indexed {
            let why = "cannot set non-empty completedIndexes when non-indexed completion mode";
            self.errors.push(Error::invalid(&at_completed, completed, why));
        }
        let Some(failed) = failed else { return };
        if failed_changed && self.spec.backoff_limit_per_index.is_none() {
            let why = "cannot set non-null failedIndexes when backoffLimitPerIndex is null";
            self.errors.push(Error::invalid(&at_failed, failed, why));
        }
        if (failed_changed || completed_changed)
            && let Some(completions) = self.spec.completions
            && let Some(index) = job_spec::first_common_index(completed, failed, completions)
        {
            let why = format!("failedIndexes and completedIndexes overlap at index: {index}");
            self.errors.push(Error::invalid(&at_failed, failed, why));
        }
    }

    fn counts(&mut self) {
        let (new, old) = (self.new, self.old);
        let leaving = new.terminating.filter(|count| *count > 0 && finished(new));
        if let Some(count) = leaving.filter(|_| self.changed(finished) || new.terminating != old.terminating) {
            let at = self.path.child("terminating");
            self.errors.push(Error::invalid(&at, count, "terminating>0 is invalid for finished job"));
        }
        let counted = new.ready != old.ready || new.active.unwrap_or(0) != old.active.unwrap_or(0);
        if let Some(ready) = new.ready.filter(|ready| counted && *ready > new.active.unwrap_or(0)) {
            let at = self.path.child("ready");
            self.errors.push(Error::invalid(&at, ready, "cannot set more ready pods than active"));
        }
    }

    fn success(&mut self) {
        let met = holds(self.new, "SuccessCriteriaMet");
        if met && holds(self.new, "Failed") {
            self.condition("cannot set SuccessCriteriaMet=True and Failed=true conditions");
        }
        if met && holds(self.new, "FailureTarget") {
            self.condition("cannot set SuccessCriteriaMet=True and FailureTarget=true conditions");
        }
        if self.spec.success_policy.is_some() && !met && holds(self.new, "Complete") {
            self.condition("cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True");
        }
    }

    /// What is never taken back.
    fn history(&mut self) {
        let (new, old) = (self.new, self.old);
        for kind in ["Failed", "Complete", "FailureTarget"] {
            if holds(old, kind) && !holds(new, kind) {
                self.condition(&format!("cannot disable the terminal {kind}=True condition"));
            }
        }
        let count = |number: Option<i32>| number.unwrap_or(0);
        if count(new.failed) < count(old.failed) {
            let at = self.path.child("failed");
            self.errors.push(Error::invalid(&at, count(new.failed), "cannot decrease the failed counter"));
        }
        // An indexed Job that is as wide as it is long may be scaled down.
        let elastic =
            self.spec.completion_mode.as_deref() == Some("Indexed") && self.spec.completions == self.spec.parallelism;
        if !elastic && count(new.succeeded) < count(old.succeeded) {
            let at = self.path.child("succeeded");
            self.errors.push(Error::invalid(&at, count(new.succeeded), "cannot decrease the succeeded counter"));
        }
        if new.completion_time.is_some() && old.completion_time.is_some() && new.completion_time != old.completion_time
        {
            let at = self.path.child("completionTime");
            self.errors.push(Error::invalid(&at, &new.completion_time, "field is immutable"));
        }
        let resumes = holds(old, "Suspended") && is(new, "Suspended", "False");
        let runs = self.spec.suspend != Some(true) && !resumes;
        if runs && old.start_time.is_some() && new.start_time != old.start_time {
            let at = self.path.child("startTime");
            let why = "field is immutable for unsuspended job once set";
            self.errors.push(Error::invalid(&at, &new.start_time, why));
        }
        let (met, was_met) = (holds(new, "SuccessCriteriaMet"), holds(old, "SuccessCriteriaMet"));
        if was_met && !met {
            self.condition("cannot disable the SuccessCriteriaMet=True condition");
        }
        if holds(old, "Complete") && !was_met && met {
            self.condition("cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(spec: serde_json::Value, new: serde_json::Value, old: serde_json::Value) -> Vec<String> {
        let job = |status: serde_json::Value| -> Job {
            let mut spec = spec.clone();
            spec["template"] = json!({});
            serde_json::from_value(json!({"spec": spec, "status": status})).unwrap()
        };
        validate(&job(new), &job(old)).iter().map(ToString::to_string).collect()
    }

    fn conditions(kinds: &[&str]) -> serde_json::Value {
        kinds.iter().map(|kind| json!({"type": kind, "status": "True"})).collect()
    }

    const START: &str = "2026-01-01T00:00:00Z";
    const END: &str = "2026-01-01T00:01:00Z";

    #[test]
    fn a_job_that_ends_well_ends_as_the_controller_ends_it() {
        let both = conditions(&["SuccessCriteriaMet", "Complete"]);
        let done = json!({"startTime": START, "completionTime": END, "succeeded": 1, "conditions": both});
        assert_eq!(texts(json!({}), done.clone(), json!({"startTime": START, "active": 1})), Vec::<String>::new());
        // What is wrong already and stays is nobody's fault now.
        let odd = json!({"conditions": conditions(&["Complete"])});
        assert_eq!(texts(json!({}), odd.clone(), odd), Vec::<String>::new());
        assert_eq!(
            texts(
                json!({}),
                json!({"startTime": START, "conditions": conditions(&["Complete"])}),
                json!({"startTime": START})
            ),
            [
                "status.completionTime: Required value: completionTime is required for Complete jobs",
                "status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
            ]
        );
        assert_eq!(
            texts(json!({}), json!({"startTime": START, "completionTime": END, "succeeded": 1}), done),
            [
                "status.completionTime: Invalid value: \"2026-01-01T00:01:00Z\": cannot set completionTime when there is no Complete=True condition",
                "status.conditions: Invalid value: cannot disable the terminal Complete=True condition",
                "status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition",
            ]
        );
    }

    #[test]
    fn counters_do_not_go_back_and_nobody_is_ready_who_is_not_active() {
        assert_eq!(
            texts(
                json!({}),
                json!({"active": 1, "ready": 2, "failed": 1}),
                json!({"active": 1, "failed": 2, "succeeded": 1})
            ),
            [
                "status.ready: Invalid value: 2: cannot set more ready pods than active",
                "status.failed: Invalid value: 1: cannot decrease the failed counter",
                "status.succeeded: Invalid value: 0: cannot decrease the succeeded counter",
            ]
        );
        let elastic = json!({"completionMode": "Indexed", "completions": 3, "parallelism": 3});
        assert_eq!(texts(elastic, json!({"succeeded": 1}), json!({"succeeded": 2})), Vec::<String>::new());
    }

    #[test]
    fn indexes_have_a_form_and_belong_to_one_list() {
        let indexed = json!({"completionMode": "Indexed", "completions": 5, "backoffLimitPerIndex": 1});
        assert_eq!(
            texts(indexed, json!({"completedIndexes": "0-2,7", "failedIndexes": "2"}), json!({})),
            [
                "status.completedIndexes: Invalid value: \"0-2,7\": error parsing completedIndexes: too large index: \"7\"",
                "status.failedIndexes: Invalid value: \"2\": failedIndexes and completedIndexes overlap at index: 2",
            ]
        );
        assert_eq!(
            texts(json!({}), json!({"completedIndexes": "0"}), json!({})),
            [
                "status.completedIndexes: Invalid value: \"0\": cannot set non-empty completedIndexes when non-indexed completion mode"
            ]
        );
    }
}
