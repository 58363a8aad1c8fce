//! Whether a cron job is acceptable.
//!
//! Models Kubernetes 1.36 pkg/apis/batch/validation/validation.go (`ValidateCronJobSpec`).

use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec};
use serde_json::json;

use super::schedule::Schedule;
use super::time_zone;
use crate::api::validate::{self, Errors};
use crate::api::{internal, job_spec};
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::meta;

/// The names of its Jobs are eleven letters longer.
const MAX_NAME_LENGTH: usize = 52;

/// `ValidateCronJobCreate`
pub fn validate(cron_job: &CronJob) -> Errors {
    let mut errors = Errors::new();
    cron_job_spec(&mut errors, &Path::new("spec"), &cron_job.spec, None);
    let name = meta::name(&cron_job.metadata);
    if name.len() > MAX_NAME_LENGTH {
        let why = format!("must be no more than {MAX_NAME_LENGTH} characters");
        errors.push(Error::invalid(&Path::new("metadata").child("name"), name, why));
    }
    errors
}

/// `ValidateCronJobUpdate`
pub fn validate_update(cron_job: &CronJob, old: &CronJob) -> Errors {
    let mut errors = Errors::new();
    cron_job_spec(&mut errors, &Path::new("spec"), &cron_job.spec, Some(&old.spec));
    errors
}

fn cron_job_spec(errors: &mut Errors, path: &Path, spec: &CronJobSpec, old: Option<&CronJobSpec>) {
    let at = path.child("schedule");
    if spec.schedule.is_empty() {
        errors.push(Error::required(&at, ""));
    } else {
        if let Err(why) = Schedule::parse(&spec.schedule) {
            errors.push(Error::invalid(&at, &spec.schedule, why));
        }
        // What was stored with a zone before may keep it.
        let kept = old.is_some_and(|old| old.schedule.contains("TZ"));
        if spec.schedule.contains("TZ") && !kept {
            let why = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
            errors.push(Error::invalid(&at, &spec.schedule, why));
        } else if spec.schedule.contains("TZ") && spec.time_zone.is_some() {
            let why = "cannot use both timeZone field and TZ or CRON_TZ in schedule";
            errors.push(Error::invalid(&at, &spec.schedule, why));
        }
    }
    validate::nonnegative_if_set(errors, &path.child("startingDeadlineSeconds"), spec.starting_deadline_seconds);
    // One that was stored before stays.
    if let Some(zone) = spec.time_zone.as_ref().filter(|_| old.is_none_or(|old| old.time_zone != spec.time_zone)) {
        check_time_zone(errors, &path.child("timeZone"), zone);
    }
    let policies = &["Allow", "Forbid", "Replace"];
    validate::choice(errors, &path.child("concurrencyPolicy"), spec.concurrency_policy.as_deref(), policies);
    let template = path.child("jobTemplate").child("spec");
    if let Some(job) = &spec.job_template.spec {
        job_spec::validate(errors, &template, job);
        if let Some(selector) = &job.selector {
            let shown = internal::dump_selector(&json!(selector));
            let why = "`selector` will be auto-generated";
            errors.push(Error::invalid_shown(&template.child("selector"), shown, why));
        }
        if job.manual_selector == Some(true) {
            errors.push(Error::not_supported(&template.child("manualSelector"), true, &["nil", "false"]));
        }
    }
    let (successful, failed) = (spec.successful_jobs_history_limit, spec.failed_jobs_history_limit);
    validate::nonnegative_if_set(errors, &path.child("successfulJobsHistoryLimit"), successful);
    validate::nonnegative_if_set(errors, &path.child("failedJobsHistoryLimit"), failed);
}

fn check_time_zone(errors: &mut Errors, path: &Path, zone: &str) {
    if zone.is_empty() {
        errors.push(Error::invalid(path, zone, "timeZone must be nil or non-empty string"));
        return;
    }
    let is_part = |part: &str| {
        (1..=14).contains(&part.len())
            && part != "."
            && part != ".."
            && !part.starts_with('-')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+'))
    };
    let local = zone.eq_ignore_ascii_case("Local");
    if local {
        let why = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        errors.push(Error::invalid(path, zone, why));
    }
    if !zone.split('/').all(is_part) || !time_zone::is_known(zone) {
        errors.push(Error::invalid(path, zone, format!("unknown time zone {zone}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Strategy;

    fn texts(spec: serde_json::Value) -> Vec<String> {
        let mut spec = spec;
        spec["jobTemplate"] = json!({"spec": {"template": {"spec": {"restartPolicy": "OnFailure",
            "containers": [{"name": "c", "image": "busybox"}]}}}});
        let json = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "t"}, "spec": spec});
        let mut cron_job: CronJob = serde_json::from_value(json).unwrap();
        cron_job.set_defaults();
        validate(&cron_job).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_wrong_with_a_cron_job() {
        assert_eq!(texts(json!({"schedule": "@hourly", "timeZone": "Europe/Berlin"})), [""; 0]);
        assert_eq!(texts(json!({"schedule": ""})), ["spec.schedule: Required value"]);
        assert_eq!(
            texts(json!({"schedule": "CRON_TZ=UTC * * * * *"})),
            [
                "spec.schedule: Invalid value: \"CRON_TZ=UTC * * * * *\": cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
            ]
        );
        assert_eq!(
            texts(json!({"schedule": "* * * * *", "timeZone": "Mars/Base", "concurrencyPolicy": "Maybe"})),
            [
                "spec.timeZone: Invalid value: \"Mars/Base\": unknown time zone Mars/Base",
                "spec.concurrencyPolicy: Unsupported value: \"Maybe\": supported values: \"Allow\", \"Forbid\", \"Replace\""
            ]
        );
    }
}
