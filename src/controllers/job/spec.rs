//! What a Job's spec says.
//!
//! Models Kubernetes 1.36 pkg/controller/job/{job_controller.go,utils.go,indexed_job_utils.go}.

use k8s_openapi::api::batch::v1::{Job, JobSpec};

/// The Job's spec; an empty one for a Job without.
pub fn spec_of(job: &Job) -> &JobSpec {
    static NONE: std::sync::LazyLock<JobSpec> = std::sync::LazyLock::new(JobSpec::default);
    job.spec.as_ref().unwrap_or(&NONE)
}

/// Whether the Job is told to rest.
pub fn is_suspended(job: &Job) -> bool {
    spec_of(job).suspend == Some(true)
}

/// Whether a Pod is replaced only once it has ended, not while it is on its way out.
pub fn only_replace_failed_pods(job: &Job) -> bool {
    let spec = spec_of(job);
    spec.pod_replacement_policy.as_deref() == Some("Failed") || spec.pod_failure_policy.is_some()
}

/// Whether the Job gives each Pod an index.
pub fn is_indexed(job: &Job) -> bool {
    spec_of(job).completion_mode.as_deref() == Some("Indexed")
}

/// Whether failures are counted for each index on its own.
pub fn has_backoff_limit_per_index(job: &Job) -> bool {
    spec_of(job).backoff_limit_per_index.is_some()
}

/// `spec.completions`, 0 when unset.
pub fn completions(job: &Job) -> i64 {
    i64::from(spec_of(job).completions.unwrap_or(0))
}
