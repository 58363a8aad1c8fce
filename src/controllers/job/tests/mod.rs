//! The Job controller against upstream's tests: the same cases under the same names.

mod flows;
mod rig;
mod tables;
mod tracking;
mod units;

use rig::run;

#[test]
fn sync_job() {
    run(tables::SYNC_JOB, true);
}

#[test]
fn sync_job_past_deadline() {
    run(tables::PAST_DEADLINE, true);
}

#[test]
fn sync_job_with_job_pod_failure_policy() {
    run(tables::POD_FAILURE_POLICY, false);
}

#[test]
fn sync_job_with_job_success_policy() {
    run(tables::SUCCESS_POLICY, false);
}

#[test]
fn sync_job_with_job_backoff_limit_per_index() {
    run(tables::BACKOFF_LIMIT_PER_INDEX, false);
}

#[test]
fn job_backoff_for_on_failure_and_never() {
    run(tables::BACKOFF, false);
}
