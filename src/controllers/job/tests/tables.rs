//! Upstream's tables of one sync each (`job_controller_test.go`), with the names of its cases.
//!
//! They are held with 1.36's feature gates at their defaults. Where upstream's case turns off a gate that is locked on
//! by now, the interim conditions (`SuccessCriteriaMet`, `FailureTarget`) come beside or before the final ones.
//!
//! Not here: "limited pods" (`creation_starts_slowly_and_stops_at_a_refusal` is that case); the cases "unsatisfied
//! expectations", for what they speak of is told by `Consistency` here: as long as the caches have not seen the last
//! write there is no sync at all; "when the JobSuccessPolicy is disabled, ..." and "...; failedIndexes are cleaned when
//! JobBackoffLimitPerIndex disabled", whose gates cannot be turned off any more.

use super::rig::Case;

/// `TestControllerSyncJob`.
pub const SYNC_JOB: &[Case] = &[
    ("job start", "parallelism: 2, completions: 5, backoffLimit: 6", "", "create 2; active 2"),
    ("WQ job start", "parallelism: 2, backoffLimit: 6", "", "create 2; active 2"),
    ("pending pods", "parallelism: 2, completions: 5, backoffLimit: 6", "2*Pending", "active 2"),
    (
        "correct # of pods",
        "parallelism: 3, completions: 5, backoffLimit: 6",
        "2*Running/if:Ready=True Running",
        "active 3; ready 2",
    ),
    ("WQ job: correct # of pods", "parallelism: 2, backoffLimit: 6", "2*Running", "active 2"),
    (
        "too few active pods",
        "parallelism: 2, completions: 5, backoffLimit: 6",
        "Running Succeeded",
        "create 1; patch 1; active 2; succeeded 1",
    ),
    (
        "WQ job: recreate pods when failed",
        "parallelism: 1, backoffLimit: 6, podReplacementPolicy: Failed",
        "Running Failed Running/leaving/c:c=0",
        "patch 1; active 1; failed 1; terminating 1",
    ),
    (
        "WQ job: turn on PodReplacementPolicy but not set PodReplacementPolicy",
        "parallelism: 1, completions: 1, backoffLimit: 6",
        "Running Failed Running/leaving/c:c=0",
        "patch 2; active 1; failed 2; terminating 1",
    ),
    (
        "WQ job: recreate pods when terminating or failed",
        "parallelism: 1, backoffLimit: 6, podReplacementPolicy: TerminatingOrFailed",
        "Running Failed Running/leaving/c:c=0",
        "patch 2; active 1; failed 2; terminating 1",
    ),
    (
        "more terminating pods than parallelism",
        "parallelism: 1, completions: 1, backoffLimit: 6, podReplacementPolicy: Failed",
        "2*Running 4*Running/leaving/c:c=0",
        "delete 1; patch 1; active 1; terminating 5",
    ),
    (
        "more terminating pods than parallelism; PodFailurePolicy used",
        "parallelism: 1, completions: 1, backoffLimit: 6, podFailurePolicy: {rules: []}",
        "2*Running 4*Running/leaving/c:c=0",
        "delete 1; patch 1; active 1; terminating 5",
    ),
    ("too few active pods and active back-off", "parallelism: 1, completions: 1, backoffLimit: 6, backoff: 1", "", ""),
    (
        "too few active pods and no back-offs",
        "parallelism: 1, completions: 1, backoffLimit: 6, backoff: 0",
        "",
        "create 1; active 1",
    ),
    ("too few active pods with a dynamic job", "parallelism: 2, backoffLimit: 6", "Running", "create 1; active 2"),
    (
        "too few active pods, with controller error",
        "parallelism: 2, completions: 5, backoffLimit: 6, refused: true",
        "Running Succeeded",
        "active 1; waiting 1/",
    ),
    (
        "too many active pods",
        "parallelism: 2, completions: 5, backoffLimit: 6",
        "3*Running",
        "delete 1; patch 1; active 2; terminating 1",
    ),
    (
        "too many active pods; PodReplacementPolicy enabled",
        "parallelism: 2, completions: 5, backoffLimit: 6",
        "3*Running",
        "delete 1; patch 1; active 2; terminating 1",
    ),
    (
        "too many active pods, with controller error",
        "parallelism: 2, completions: 5, backoffLimit: 6, refused: true",
        "3*Running",
        "active 3",
    ),
    (
        "count ready pods when too many active pods",
        "parallelism: 2, completions: 5, backoffLimit: 6",
        "3*Running/if:Ready=True",
        "delete 1; patch 1; active 2; ready 2; terminating 1",
    ),
    (
        "failed + succeed pods: reset backoff delay",
        "parallelism: 2, completions: 5, backoffLimit: 6",
        "Running Succeeded Failed",
        "create 1; patch 2; active 2; succeeded 1; failed 1",
    ),
    (
        "new failed pod",
        "parallelism: 2, completions: 5, backoffLimit: 6",
        "Running Failed",
        "create 1; patch 1; active 2; failed 1",
    ),
    (
        "no new pod; possible finalizer update of failed pod",
        "parallelism: 1, completions: 1, backoffLimit: 6, status: {active: 1, failed: 1}",
        "Running",
        "active 1; failed 1",
    ),
    (
        "only new failed pod with controller error",
        "parallelism: 2, completions: 5, backoffLimit: 6, refused: true",
        "Running Failed",
        "active 1; waiting /1",
    ),
    (
        "job finish",
        "parallelism: 2, completions: 5, backoffLimit: 6",
        "5*Succeeded",
        "patch 5; succeeded 5 | SuccessCriteriaMet CompletionsReached | Complete CompletionsReached",
    ),
    ("WQ job finishing", "parallelism: 2, backoffLimit: 6", "Running Succeeded", "patch 1; active 1; succeeded 1"),
    (
        "WQ job all finished",
        "parallelism: 2, backoffLimit: 6",
        "2*Succeeded",
        "patch 2; succeeded 2 | SuccessCriteriaMet CompletionsReached | Complete CompletionsReached",
    ),
    (
        "WQ job all finished despite one failure",
        "parallelism: 2, backoffLimit: 6",
        "Succeeded Failed",
        "patch 2; succeeded 1; failed 1 | SuccessCriteriaMet CompletionsReached | Complete CompletionsReached",
    ),
    (
        "more active pods than parallelism",
        "parallelism: 2, completions: 5, backoffLimit: 6",
        "10*Running",
        "delete 8; patch 8; active 2; terminating 8",
    ),
    (
        "more active pods than remaining completions",
        "parallelism: 3, completions: 4, backoffLimit: 6",
        "3*Running 2*Succeeded",
        "delete 1; patch 3; active 2; succeeded 2; terminating 1",
    ),
    (
        "status change",
        "parallelism: 2, completions: 5, backoffLimit: 6",
        "2*Running 2*Succeeded",
        "patch 2; active 2; succeeded 2",
    ),
    (
        "deleting job",
        "parallelism: 2, completions: 5, backoffLimit: 6, deleting: true",
        "Pending Running Succeeded",
        "patch 3; active 2; succeeded 1",
    ),
    (
        "too many job failures",
        "parallelism: 2, completions: 5, backoffLimit: 0, deleting: true",
        "Failed",
        "patch 1; failed 1 | FailureTarget BackoffLimitExceeded | Failed BackoffLimitExceeded",
    ),
    (
        "indexed job start",
        "parallelism: 2, completions: 5, backoffLimit: 6, completionMode: Indexed",
        "",
        "create 2; indexes 0,1; active 2",
    ),
    (
        "indexed job with some pods deleted, podReplacementPolicy Failed",
        "parallelism: 2, completions: 5, backoffLimit: 6, completionMode: Indexed, podReplacementPolicy: Failed",
        "Running/leaving/c:c=0",
        "create 1; indexes 0; active 1; terminating 1",
    ),
    (
        "indexed job with some pods deleted, podReplacementPolicy TerminatingOrFailed",
        "parallelism: 2, completions: 5, backoffLimit: 6, completionMode: Indexed, podReplacementPolicy: TerminatingOrFailed",
        "Running/leaving/c:c=0",
        "create 2; indexes 0,1; patch 1; active 2; terminating 1",
    ),
    (
        "indexed job completed",
        "parallelism: 2, completions: 3, backoffLimit: 6, completionMode: Indexed",
        "Succeeded/ix=0 Failed/ix=1 Succeeded/ix=1 Succeeded/ix=2",
        "patch 4; succeeded 3; failed 1; done 0-2 | SuccessCriteriaMet CompletionsReached | Complete CompletionsReached",
    ),
    (
        "indexed job failed",
        "parallelism: 2, completions: 3, backoffLimit: 0, completionMode: Indexed",
        "Succeeded/ix=0 Failed/ix=1 Running/ix=2",
        "delete 1; patch 3; succeeded 1; failed 2; terminating 1; done 0 | FailureTarget BackoffLimitExceeded",
    ),
    (
        "count terminating pods when indexed job fails and PodReplacementPolicy enabled",
        "parallelism: 2, completions: 3, backoffLimit: 0, completionMode: Indexed",
        "Succeeded/ix=0 Failed/ix=1 Running/ix=2",
        "delete 1; patch 3; succeeded 1; failed 2; terminating 1; done 0 | FailureTarget BackoffLimitExceeded",
    ),
    (
        "count ready pods when job fails",
        "parallelism: 2, completions: 3, backoffLimit: 0",
        "2*Running/if:Ready=True Failed",
        "delete 2; patch 3; failed 3; terminating 2 | FailureTarget BackoffLimitExceeded",
    ),
    (
        "indexed job repeated completed index",
        "parallelism: 2, completions: 3, backoffLimit: 6, completionMode: Indexed",
        "Succeeded/ix=0 Succeeded/ix=1 Succeeded/ix=1",
        "create 1; indexes 2; patch 3; active 1; succeeded 2; done 0,1",
    ),
    (
        "indexed job some running and completed pods",
        "parallelism: 8, completions: 20, backoffLimit: 6, completionMode: Indexed",
        "Running/ix=0 Succeeded/ix=2 Pending/ix=3 Succeeded/ix=4 Succeeded/ix=5 Succeeded/ix=7 Succeeded/ix=8 Succeeded/ix=9",
        "create 6; indexes 1,6,10,11,12,13; patch 6; active 8; succeeded 6; done 2,4,5,7-9",
    ),
    (
        "indexed job some failed pods",
        "parallelism: 3, completions: 4, backoffLimit: 6, completionMode: Indexed",
        "Failed/ix=0 Pending/ix=1 Failed/ix=2",
        "create 2; indexes 0,2; patch 2; active 3; failed 2",
    ),
    (
        "indexed job some pods without index",
        "parallelism: 2, completions: 5, backoffLimit: 6, completionMode: Indexed",
        "Running Succeeded Failed Running/ix=invalid Succeeded/ix=invalid Failed/ix=invalid Pending/ix=invalid Succeeded/ix=0 Running/ix=1 Running/ix=2",
        "delete 3; patch 8; active 2; succeeded 1; terminating 3; done 0",
    ),
    (
        "indexed job repeated indexes",
        "parallelism: 5, completions: 5, backoffLimit: 6, completionMode: Indexed",
        "Succeeded Failed Running/ix=invalid Succeeded/ix=0 Running/ix=1 Running/ix=2 Pending/ix=2",
        "delete 2; patch 5; active 2; succeeded 1; terminating 2; done 0",
    ),
    (
        "indexed job with indexes outside of range",
        "parallelism: 2, completions: 5, backoffLimit: 6, completionMode: Indexed",
        "Succeeded/ix=0 Running/ix=5 Succeeded/ix=6 Pending/ix=7 Failed/ix=8",
        "delete 2; patch 5; succeeded 1; terminating 2; done 0",
    ),
    (
        "suspending a job with satisfied expectations",
        "parallelism: 2, completions: 4, backoffLimit: 6, suspend: true",
        "2*Running",
        "delete 2; patch 2; terminating 2 | Suspended JobSuspended",
    ),
    (
        "suspending a job with satisfied expectations; PodReplacementPolicy enabled",
        "parallelism: 2, completions: 4, backoffLimit: 6, suspend: true",
        "2*Running",
        "delete 2; patch 2; terminating 2 | Suspended JobSuspended",
    ),
    (
        "count ready pods when suspending a job with satisfied expectations",
        "parallelism: 2, completions: 4, backoffLimit: 6, suspend: true",
        "2*Running/if:Ready=True",
        "delete 2; patch 2; terminating 2 | Suspended JobSuspended",
    ),
    (
        "resuming a suspended job",
        "parallelism: 2, completions: 4, backoffLimit: 6, status: {conditions: [{type: Suspended, status: 'True', reason: JobSuspended, message: 'Job suspended'}]}",
        "",
        "create 2; active 2 | !Suspended JobResumed",
    ),
    (
        "suspending a deleted job",
        "parallelism: 2, completions: 4, backoffLimit: 6, suspend: true, deleting: true",
        "2*Running",
        "patch 2; active 2",
    ),
    (
        "suspending a deleted job; PodReplacementPolicy enabled",
        "parallelism: 2, completions: 4, backoffLimit: 6, suspend: true, deleting: true",
        "2*Running",
        "patch 2; active 2",
    ),
    (
        "FailureTarget=False condition added manually is ignored",
        "parallelism: 1, completions: 1, backoffLimit: 0, status: {active: 1, conditions: [{type: FailureTarget, status: 'False', reason: ConditionAddedManually, message: Testing}]}",
        "Running/if:Ready=True",
        "active 1; ready 1 | !FailureTarget ConditionAddedManually Testing",
    ),
    (
        "SuccessCriteriaMet=False condition added manually is ignored",
        "parallelism: 1, completions: 1, backoffLimit: 0, status: {active: 1, conditions: [{type: SuccessCriteriaMet, status: 'False', reason: ConditionAddedManually, message: Testing}]}",
        "Running/if:Ready=True",
        "active 1; ready 1 | !SuccessCriteriaMet ConditionAddedManually Testing",
    ),
    (
        "backoff limit exceeded; JobManagedBy enabled",
        "parallelism: 2, completions: 3, backoffLimit: 0, completionMode: Indexed",
        "Succeeded/ix=0 Failed/ix=1 Running/ix=2",
        "delete 1; patch 3; succeeded 1; failed 2; terminating 1; done 0 | FailureTarget BackoffLimitExceeded",
    ),
];

/// `TestSyncJobPastDeadline`.
pub const PAST_DEADLINE: &[Case] = &[
    (
        "activeDeadlineSeconds less than single pod execution",
        "parallelism: 1, completions: 1, backoffLimit: 6, activeDeadlineSeconds: 10, started: 15",
        "Running",
        "delete 1; patch 1; failed 1; terminating 1 | FailureTarget DeadlineExceeded",
    ),
    (
        "activeDeadlineSeconds bigger than single pod execution",
        "parallelism: 1, completions: 2, backoffLimit: 6, activeDeadlineSeconds: 10, started: 15",
        "Running Succeeded",
        "delete 1; patch 2; succeeded 1; failed 1; terminating 1 | FailureTarget DeadlineExceeded",
    ),
    (
        "activeDeadlineSeconds times-out before any pod starts",
        "parallelism: 1, completions: 1, backoffLimit: 6, activeDeadlineSeconds: 10, started: 10",
        "",
        "| FailureTarget DeadlineExceeded | Failed DeadlineExceeded",
    ),
    (
        "activeDeadlineSeconds with backofflimit reach",
        "parallelism: 1, completions: 1, backoffLimit: 0, activeDeadlineSeconds: 1, started: 10",
        "Failed",
        "patch 1; failed 1 | FailureTarget BackoffLimitExceeded | Failed BackoffLimitExceeded",
    ),
    (
        "activeDeadlineSeconds is not triggered when Job is suspended",
        "parallelism: 1, completions: 2, backoffLimit: 6, activeDeadlineSeconds: 10, started: 15, suspend: true",
        "",
        "| Suspended JobSuspended",
    ),
    (
        "activeDeadlineSeconds exceeded; JobPodReplacementPolicy enabled",
        "parallelism: 1, completions: 2, backoffLimit: 6, activeDeadlineSeconds: 10, started: 15",
        "Running Succeeded",
        "delete 1; patch 2; succeeded 1; failed 1; terminating 1 | FailureTarget DeadlineExceeded",
    ),
    (
        "activeDeadlineSeconds exceeded; JobManagedBy enabled",
        "parallelism: 1, completions: 2, backoffLimit: 6, activeDeadlineSeconds: 10, started: 15",
        "Running Succeeded",
        "delete 1; patch 2; succeeded 1; failed 1; terminating 1 | FailureTarget DeadlineExceeded",
    ),
    (
        "activeDeadlineSeconds exceeded and backofflimit reached; JobManagedBy enabled",
        "parallelism: 1, completions: 1, backoffLimit: 0, activeDeadlineSeconds: 1, started: 10",
        "Failed",
        "patch 1; failed 1 | FailureTarget BackoffLimitExceeded | Failed BackoffLimitExceeded",
    ),
];

/// `TestSyncJobWithJobPodFailurePolicy`.
pub const POD_FAILURE_POLICY: &[Case] = &[
    (
        "default handling for pod failure if the container matching the exit codes does not match the containerName restriction",
        "parallelism: 1, completions: 1, backoffLimit: 6, podFailurePolicy: {rules: [{action: Ignore, onExitCodes: {containerName: main-container, operator: In, values: [1, 2, 3]}}, {action: FailJob, onExitCodes: {containerName: main-container, operator: In, values: [5, 6, 7]}}]}",
        "Failed/c:monitoring-container=5/c:main-container=42",
        "active 1; failed 1",
    ),
    (
        "running pod should not result in job fail based on OnExitCodes",
        "parallelism: 1, completions: 1, backoffLimit: 6, podFailurePolicy: {rules: EXIT_CODES}",
        "Running/c:main-container=5",
        "active 1",
    ),
    (
        "fail job based on OnExitCodes",
        "parallelism: 1, completions: 1, backoffLimit: 6, podFailurePolicy: {rules: EXIT_CODES}",
        "Failed/c:main-container=5",
        "failed 1 | FailureTarget PodFailurePolicy Container main-container for pod default/mypod-0 failed with exit code 5 matching FailJob rule at index 1 | Failed PodFailurePolicy Container main-container for pod default/mypod-0 failed with exit code 5 matching FailJob rule at index 1",
    ),
    (
        "job marked already as failure target with failed pod",
        "parallelism: 1, completions: 1, backoffLimit: 6, podFailurePolicy: {rules: EXIT_CODES}, status: {conditions: [{type: FailureTarget, status: 'True', reason: PodFailurePolicy, message: 'Container main-container for pod default/mypod-0 failed with exit code 5 matching FailJob rule at index 1'}]}",
        "Failed/c:main-container=5",
        "failed 1 | FailureTarget PodFailurePolicy Container main-container for pod default/mypod-0 failed with exit code 5 matching FailJob rule at index 1 | Failed PodFailurePolicy Container main-container for pod default/mypod-0 failed with exit code 5 matching FailJob rule at index 1",
    ),
    (
        "job marked already as failure target with failed pod, message based on already deleted pod",
        "parallelism: 1, completions: 1, backoffLimit: 6, podFailurePolicy: {rules: EXIT_CODES}, status: {conditions: [{type: FailureTarget, status: 'True', reason: PodFailurePolicy, message: 'Container main-container for pod default/already-deleted-pod failed with exit code 5 matching FailJob rule at index 1'}]}",
        "Failed/c:main-container=5",
        "failed 1 | FailureTarget PodFailurePolicy Container main-container for pod default/already-deleted-pod failed with exit code 5 matching FailJob rule at index 1 | Failed PodFailurePolicy Container main-container for pod default/already-deleted-pod failed with exit code 5 matching FailJob rule at index 1",
    ),
    (
        "fail job with multiple pods",
        "parallelism: 2, completions: 2, backoffLimit: 6, podFailurePolicy: {rules: EXIT_CODES}",
        "Running Failed/c:main-container=5",
        "failed 2; terminating 1 | FailureTarget PodFailurePolicy Container main-container for pod default/mypod-1 failed with exit code 5 matching FailJob rule at index 1",
    ),
    (
        "fail job with multiple pods; JobManagedBy enabled delays setting terminal condition",
        "parallelism: 2, completions: 2, backoffLimit: 6, podFailurePolicy: {rules: EXIT_CODES}",
        "Running Failed/c:main-container=5",
        "failed 2; terminating 1 | FailureTarget PodFailurePolicy Container main-container for pod default/mypod-1 failed with exit code 5 matching FailJob rule at index 1",
    ),
    (
        "fail indexed job based on OnExitCodes",
        "completionMode: Indexed, parallelism: 1, completions: 1, backoffLimit: 6, podFailurePolicy: {rules: EXIT_CODES}",
        "Failed/ix=0/c:main-container=5",
        "failed 1 | FailureTarget PodFailurePolicy Container main-container for pod default/mypod-0 failed with exit code 5 matching FailJob rule at index 1 | Failed PodFailurePolicy Container main-container for pod default/mypod-0 failed with exit code 5 matching FailJob rule at index 1",
    ),
    (
        "fail job based on OnExitCodes with NotIn operator",
        "parallelism: 1, completions: 1, backoffLimit: 6, podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {operator: NotIn, values: [5, 6, 7]}}]}",
        "Failed/c:main-container=42",
        "failed 1 | FailureTarget PodFailurePolicy Container main-container for pod default/mypod-0 failed with exit code 42 matching FailJob rule at index 0 | Failed PodFailurePolicy Container main-container for pod default/mypod-0 failed with exit code 42 matching FailJob rule at index 0",
    ),
    (
        "default handling job based on OnExitCodes with NotIn operator",
        "parallelism: 1, completions: 1, backoffLimit: 6, podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {operator: NotIn, values: [5, 6, 7]}}]}",
        "Failed/c:main-container=5",
        "active 1; failed 1",
    ),
    (
        "fail job based on OnExitCodes for InitContainer",
        "parallelism: 1, completions: 1, backoffLimit: 6, podFailurePolicy: {rules: EXIT_CODES}",
        "Failed/i:init-container=5/c:main-container=143",
        "failed 1 | FailureTarget PodFailurePolicy Container init-container for pod default/mypod-0 failed with exit code 5 matching FailJob rule at index 1 | Failed PodFailurePolicy Container init-container for pod default/mypod-0 failed with exit code 5 matching FailJob rule at index 1",
    ),
    (
        "ignore pod failure; both rules are matching, the first is executed only",
        "parallelism: 1, completions: 1, backoffLimit: 0, podFailurePolicy: {rules: EXIT_CODES}",
        "Failed/c:container1=2/c:container2=6",
        "active 1",
    ),
    (
        "ignore pod failure based on OnExitCodes",
        "parallelism: 1, completions: 1, backoffLimit: 0, podFailurePolicy: {rules: EXIT_CODES}",
        "Failed/c:=1",
        "active 1",
    ),
    (
        "default job based on OnExitCodes",
        "parallelism: 1, completions: 1, backoffLimit: 0, podFailurePolicy: {rules: EXIT_CODES}",
        "Failed/c:=10",
        "failed 1 | FailureTarget BackoffLimitExceeded | Failed BackoffLimitExceeded",
    ),
    (
        "default job based on OnExitCodes; JobManagedBy enabled triggers adding interim condition",
        "parallelism: 1, completions: 1, backoffLimit: 0, podFailurePolicy: {rules: EXIT_CODES}",
        "Failed/c:=10",
        "failed 1 | FailureTarget BackoffLimitExceeded | Failed BackoffLimitExceeded",
    ),
    (
        "count pod failure based on OnExitCodes; both rules are matching, the first is executed only",
        "parallelism: 1, completions: 1, backoffLimit: 6, podFailurePolicy: {rules: [{action: Count, onExitCodes: {operator: In, values: [1, 2]}}, {action: Ignore, onExitCodes: {operator: In, values: [2, 3]}}]}",
        "Failed/c:=2",
        "active 1; failed 1",
    ),
    (
        "count pod failure based on OnPodConditions; both rules are matching, the first is executed only",
        "parallelism: 1, completions: 1, backoffLimit: 6, podFailurePolicy: {rules: [{action: Count, onPodConditions: [{type: ResourceLimitExceeded, status: 'True'}]}, {action: Ignore, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]}",
        "Failed/c:=0/if:ResourceLimitExceeded=True/if:DisruptionTarget=True",
        "active 1; failed 1",
    ),
    (
        "ignore pod failure based on OnPodConditions",
        "parallelism: 1, completions: 1, backoffLimit: 0, podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]}",
        "Failed/if:DisruptionTarget=True",
        "active 1",
    ),
    (
        "ignore pod failure based on OnPodConditions, ignored failures delays pod recreation",
        "parallelism: 1, completions: 1, backoffLimit: 0, podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]}",
        "Failed/leaving/if:DisruptionTarget=True",
        "",
    ),
    (
        "fail job based on OnPodConditions",
        "parallelism: 1, completions: 1, backoffLimit: 6, podFailurePolicy: {rules: [{action: FailJob, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]}",
        "Failed/if:DisruptionTarget=True",
        "failed 1 | FailureTarget PodFailurePolicy Pod default/mypod-0 has condition DisruptionTarget matching FailJob rule at index 0 | Failed PodFailurePolicy Pod default/mypod-0 has condition DisruptionTarget matching FailJob rule at index 0",
    ),
    (
        "terminating Pod not considered failed when JobPodFailurePolicy is enabled and used",
        "parallelism: 1, backoffLimit: 0, podFailurePolicy: {rules: [{action: Count, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]}",
        "None/leaving",
        "terminating 1",
    ),
];

/// `TestSyncJobWithJobSuccessPolicy`.
pub const SUCCESS_POLICY: &[Case] = &[
    (
        "job with successPolicy; jobPodReplacementPolicy feature enabled; job has SuccessCriteriaMet condition if job meets to successPolicy and some indexes fail",
        "completionMode: Indexed, parallelism: 3, completions: 3, backoffLimit: 2147483647, successPolicy: {rules: [{succeededIndexes: '0,1', succeededCount: 1}]}",
        "Failed/ix=0/uid=a1 Running/ix=0/uid=a2 Succeeded/ix=1/uid=b Running/ix=2/uid=c",
        "succeeded 1; failed 1; terminating 2; done 1 | SuccessCriteriaMet SuccessPolicy Matched rules at index 0",
    ),
    (
        "job with successPolicy; jobPodReplacementPolicy feature disabled; job has SuccessCriteriaMet condition if job meets to successPolicy and some indexes fail",
        "completionMode: Indexed, parallelism: 3, completions: 3, backoffLimit: 2147483647, successPolicy: {rules: [{succeededIndexes: '0,1', succeededCount: 1}]}",
        "Failed/ix=0/uid=a1 Running/ix=0/uid=a2 Succeeded/ix=1/uid=b Running/ix=2/uid=c",
        "succeeded 1; failed 1; terminating 2; done 1 | SuccessCriteriaMet SuccessPolicy Matched rules at index 0",
    ),
    (
        "job with podFailurePolicy and successPolicy; jobPodReplacementPolicy feature enabled; job has SuccessCriteriaMet condition if job meets to successPolicy and doesn't meet to podFailurePolicy",
        "completionMode: Indexed, parallelism: 2, completions: 2, backoffLimit: 2147483647, successPolicy: {rules: [{succeededIndexes: '0,1', succeededCount: 1}]}, podFailurePolicy: {rules: [{action: FailJob, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]}",
        "Failed/ix=0/uid=a1 Running/ix=0/uid=a2 Succeeded/ix=1/uid=b",
        "succeeded 1; failed 1; terminating 1; done 1 | SuccessCriteriaMet SuccessPolicy Matched rules at index 0",
    ),
    (
        "job with podFailurePolicy and successPolicy; jobPodReplacementPolicy feature disabled; job has SuccessCriteriaMet condition if job meets to successPolicy and doesn't meet to podFailurePolicy",
        "completionMode: Indexed, parallelism: 2, completions: 2, backoffLimit: 2147483647, successPolicy: {rules: [{succeededIndexes: '0,1', succeededCount: 1}]}, podFailurePolicy: {rules: [{action: FailJob, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]}",
        "Failed/ix=0/uid=a1 Running/ix=0/uid=a2 Succeeded/ix=1/uid=b",
        "succeeded 1; failed 1; terminating 1; done 1 | SuccessCriteriaMet SuccessPolicy Matched rules at index 0",
    ),
    (
        "job with backoffLimitPerIndex and successPolicy; jobPodReplacementPolicy feature enabled; job has SuccessCriteriaMet condition if job meets to successPolicy and doesn't meet backoffLimitPerIndex",
        "completionMode: Indexed, parallelism: 2, completions: 2, backoffLimit: 2147483647, backoffLimitPerIndex: 2, successPolicy: {rules: [{succeededIndexes: '0,1', succeededCount: 1}]}",
        "Failed/ix=0/uid=a1 Running/ix=0/uid=a2 Succeeded/ix=1/uid=b",
        "succeeded 1; failed 1; terminating 1; done 1 | SuccessCriteriaMet SuccessPolicy Matched rules at index 0",
    ),
    (
        "job with successPolicy; jobPodReplacementPolicy feature enabled; job has both Complete and SuccessCriteriaMet condition when job meets to successPolicy and all pods have been already removed",
        "completionMode: Indexed, parallelism: 2, completions: 2, backoffLimit: 2147483647, backoffLimitPerIndex: 2, successPolicy: {rules: [{succeededIndexes: '0,1', succeededCount: 1}]}, status: {conditions: [{type: SuccessCriteriaMet, status: 'True', reason: SuccessPolicy, message: 'Matched rules at index 0'}]}",
        "Failed/ix=0/uid=a Succeeded/ix=1/uid=b",
        "succeeded 1; failed 1; done 1 | SuccessCriteriaMet SuccessPolicy Matched rules at index 0 | Complete SuccessPolicy Matched rules at index 0",
    ),
    (
        "job with successPolicy; jobPodReplacementPolicy feature enabled; job has SuccessCriteriaMet condition when job meets to successPolicy and some pods still are running",
        "completionMode: Indexed, parallelism: 3, completions: 3, backoffLimit: 2147483647, backoffLimitPerIndex: 3, successPolicy: {rules: [{succeededIndexes: '0,1', succeededCount: 1}]}, status: {conditions: [{type: SuccessCriteriaMet, status: 'True', reason: SuccessPolicy, message: 'Matched rules at index 0'}]}",
        "Failed/ix=0/uid=a1 Running/ix=1/uid=a2 Succeeded/ix=1/uid=b Running/ix=2/uid=c",
        "succeeded 1; failed 1; terminating 2; done 1 | SuccessCriteriaMet SuccessPolicy Matched rules at index 0",
    ),
    (
        "job with successPolicy; JobManagedBy feature enabled; job has SuccessCriteriaMet condition when job meets to successPolicy and some pods still are running",
        "completionMode: Indexed, parallelism: 3, completions: 3, backoffLimit: 2147483647, backoffLimitPerIndex: 3, successPolicy: {rules: [{succeededIndexes: '0,1', succeededCount: 1}]}, status: {conditions: [{type: SuccessCriteriaMet, status: 'True', reason: SuccessPolicy, message: 'Matched rules at index 0'}]}",
        "Failed/ix=0/uid=a1 Running/ix=1/uid=a2 Succeeded/ix=1/uid=b Running/ix=2/uid=c",
        "succeeded 1; failed 1; terminating 2; done 1 | SuccessCriteriaMet SuccessPolicy Matched rules at index 0",
    ),
    (
        "job with successPolicy and podFailurePolicy; jobPodReplacementPolicy feature enabled; job has a failed condition when job meets to both successPolicy and podFailurePolicy",
        "completionMode: Indexed, parallelism: 2, completions: 2, backoffLimit: 2147483647, successPolicy: {rules: [{succeededIndexes: '0,1', succeededCount: 1}]}, podFailurePolicy: {rules: [{action: FailJob, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]}",
        "Failed/ix=0/uid=a1/if:DisruptionTarget=True Running/ix=0/uid=a2 Succeeded/ix=1/uid=b",
        "succeeded 1; failed 2; terminating 1; done 1 | FailureTarget PodFailurePolicy Pod default/mypod-0 has condition DisruptionTarget matching FailJob rule at index 0",
    ),
    (
        "job with successPolicy and backoffLimitPerIndex; jobPodReplacementPolicy feature enabled; job has a failed condition when job meets to both successPolicy and backoffLimitPerIndex",
        "completionMode: Indexed, parallelism: 2, completions: 2, backoffLimit: 2147483647, backoffLimitPerIndex: 1, successPolicy: {rules: [{succeededIndexes: '0,1', succeededCount: 1}]}",
        "Failed/ix=0/uid=a/fails=1 Succeeded/ix=1/uid=b",
        "succeeded 1; failed 1; done 1; lost 0 | FailureTarget FailedIndexes | Failed FailedIndexes",
    ),
    (
        "job with successPolicy and backoffLimit; jobPodReplacementPolicy feature enabled; job has a failed condition when job meets to both successPolicy and backoffLimit",
        "completionMode: Indexed, parallelism: 2, completions: 2, backoffLimit: 1, successPolicy: {rules: [{succeededIndexes: '0,1', succeededCount: 1}]}",
        "Failed/ix=0/uid=a1 Failed/ix=0/uid=a2 Succeeded/ix=1/uid=b",
        "succeeded 1; failed 2; done 1 | FailureTarget BackoffLimitExceeded | Failed BackoffLimitExceeded",
    ),
    (
        "job with successPolicy and podFailurePolicy; jobPodReplacementPolicy feature enabled; job with SuccessCriteriaMet has never been transitioned to FailureTarget and Failed even if job meets podFailurePolicy",
        "completionMode: Indexed, parallelism: 2, completions: 2, backoffLimit: 2147483647, successPolicy: {rules: [{succeededCount: 1}]}, podFailurePolicy: {rules: [{action: FailJob, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]}, status: {succeeded: 1, completedIndexes: '1', conditions: [{type: SuccessCriteriaMet, status: 'True', reason: SuccessPolicy, message: 'Matched rules at index 0'}]}",
        "Failed/ix=0/uid=a/if:DisruptionTarget=True Succeeded/ix=1/uid=b",
        "succeeded 1; failed 1; done 1 | SuccessCriteriaMet SuccessPolicy Matched rules at index 0 | Complete SuccessPolicy Matched rules at index 0",
    ),
    (
        "job with successPolicy and backoffLimitPerIndex; jobPodReplacementPolicy feature enabled; job with SuccessCriteriaMet has never been transitioned to FailureTarget and Failed even if job meet backoffLimitPerIndex",
        "completionMode: Indexed, parallelism: 2, completions: 2, backoffLimit: 2147483647, backoffLimitPerIndex: 1, successPolicy: {rules: [{succeededIndexes: '1'}]}, status: {succeeded: 1, completedIndexes: '1', conditions: [{type: SuccessCriteriaMet, status: 'True', reason: SuccessPolicy, message: 'Matched rules at index 0'}]}",
        "Failed/ix=0/uid=a/fails=1 Succeeded/ix=1/uid=b",
        "succeeded 1; failed 1; done 1; lost 0 | SuccessCriteriaMet SuccessPolicy Matched rules at index 0 | Complete SuccessPolicy Matched rules at index 0",
    ),
    (
        "job with successPolicy and backoffLimit; jobPodReplacementPolicy feature enabled; job with SuccessCriteriaMet has never been transitioned to FailureTarget and Failed even if job meets backoffLimit",
        "completionMode: Indexed, parallelism: 2, completions: 2, backoffLimit: 1, successPolicy: {rules: [{succeededIndexes: '0,1', succeededCount: 1}]}, status: {succeeded: 1, completedIndexes: '1', conditions: [{type: SuccessCriteriaMet, status: 'True', reason: SuccessPolicy, message: 'Matched rules at index 0'}]}",
        "Failed/ix=0/uid=a Succeeded/ix=1/uid=b",
        "succeeded 1; failed 1; done 1 | SuccessCriteriaMet SuccessPolicy Matched rules at index 0 | Complete SuccessPolicy Matched rules at index 0",
    ),
    (
        "job with successPolicy and podFailureTarget; jobPodReplacementPolicy feature enabled; job with FailureTarget has never been transitioned to SuccessCriteriaMet even if job meets successPolicy",
        "completionMode: Indexed, parallelism: 2, completions: 2, backoffLimit: 2147483647, successPolicy: {rules: [{succeededIndexes: '0,1', succeededCount: 1}]}, podFailurePolicy: {rules: [{action: FailJob, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]}, status: {failed: 1, completedIndexes: '1', conditions: [{type: FailureTarget, status: 'True', reason: PodFailurePolicy, message: 'Pod default/mypod-0 has condition DisruptionTarget matching FailJob rule at index 0'}]}",
        "Failed/ix=0/uid=a/free/if:DisruptionTarget=True Succeeded/ix=1/uid=b",
        "succeeded 1; failed 1; done 1 | FailureTarget PodFailurePolicy Pod default/mypod-0 has condition DisruptionTarget matching FailJob rule at index 0 | Failed PodFailurePolicy Pod default/mypod-0 has condition DisruptionTarget matching FailJob rule at index 0",
    ),
    (
        "job without successPolicy; jobSuccessPolicy is enabled; job got SuccessCriteriaMet and Completion with CompletionsReached reason conditions",
        "completionMode: Indexed, completions: 1, parallelism: 1, backoffLimit: 2147483647",
        "Succeeded/ix=0/uid=a1",
        "succeeded 1; done 0 | SuccessCriteriaMet CompletionsReached | Complete CompletionsReached",
    ),
];

/// `TestSyncJobWithJobBackoffLimitPerIndex`.
pub const BACKOFF_LIMIT_PER_INDEX: &[Case] = &[
    (
        "successful job after a single failure within index",
        "parallelism: 2, completions: 2, backoffLimit: 2147483647, completionMode: Indexed, backoffLimitPerIndex: 1",
        "Failed/ix=0/uid=a1/fails=0 Succeeded/ix=0/uid=a2/fails=1 Succeeded/ix=1/uid=b/fails=0",
        "succeeded 2; failed 1; done 0,1 | SuccessCriteriaMet CompletionsReached | Complete CompletionsReached",
    ),
    (
        "single failed pod, not counted as the replacement pod creation is delayed",
        "parallelism: 2, completions: 2, backoffLimit: 2147483647, completionMode: Indexed, backoffLimitPerIndex: 1",
        "Failed/ix=0/uid=a/fails=0",
        "active 2",
    ),
    (
        "single failed pod replaced already",
        "parallelism: 2, completions: 2, backoffLimit: 2147483647, completionMode: Indexed, backoffLimitPerIndex: 1",
        "Failed/ix=0/uid=a/fails=0 Pending/ix=0/uid=b/fails=1",
        "active 2; failed 1",
    ),
    (
        "single failed index due to exceeding the backoff limit per index, the job continues",
        "parallelism: 2, completions: 2, backoffLimit: 2147483647, completionMode: Indexed, backoffLimitPerIndex: 1",
        "Failed/ix=0/uid=a/fails=1",
        "active 1; failed 1; lost 0",
    ),
    (
        "single failed index due to FailIndex action, the job continues",
        "parallelism: 2, completions: 2, backoffLimit: 2147483647, completionMode: Indexed, backoffLimitPerIndex: 1, podFailurePolicy: {rules: [{action: FailIndex, onExitCodes: {operator: In, values: [3]}}]}",
        "Failed/ix=0/uid=a/fails=0/c:=3",
        "active 1; failed 1; lost 0",
    ),
    (
        "job failed index due to FailJob action",
        "parallelism: 2, completions: 2, backoffLimit: 6, completionMode: Indexed, backoffLimitPerIndex: 1, podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {operator: In, values: [3]}}]}",
        "Failed/ix=0/uid=a/fails=0/c:x=3",
        "failed 1 | FailureTarget PodFailurePolicy Container x for pod default/mypod-0 failed with exit code 3 matching FailJob rule at index 0 | Failed PodFailurePolicy Container x for pod default/mypod-0 failed with exit code 3 matching FailJob rule at index 0",
    ),
    (
        "job pod failure ignored due to matching Ignore action",
        "parallelism: 2, completions: 2, backoffLimit: 6, completionMode: Indexed, backoffLimitPerIndex: 1, podFailurePolicy: {rules: [{action: Ignore, onExitCodes: {operator: In, values: [3]}}]}",
        "Failed/ix=0/uid=a/fails=0/c:x=3",
        "active 2",
    ),
    (
        "job failed due to exceeding backoffLimit before backoffLimitPerIndex",
        "parallelism: 2, completions: 2, backoffLimit: 1, completionMode: Indexed, backoffLimitPerIndex: 1",
        "Failed/ix=0/uid=a/fails=0 Failed/ix=1/uid=b/fails=0",
        "failed 2 | FailureTarget BackoffLimitExceeded | Failed BackoffLimitExceeded",
    ),
    (
        "job failed due to failed indexes",
        "parallelism: 2, completions: 2, backoffLimit: 2147483647, completionMode: Indexed, backoffLimitPerIndex: 1",
        "Failed/ix=0/uid=a/fails=1 Succeeded/ix=1/uid=b/fails=0",
        "succeeded 1; failed 1; done 1; lost 0 | FailureTarget FailedIndexes | Failed FailedIndexes",
    ),
    (
        "job failed due to exceeding max failed indexes",
        "parallelism: 4, completions: 4, backoffLimit: 2147483647, completionMode: Indexed, backoffLimitPerIndex: 1, maxFailedIndexes: 1",
        "Failed/ix=0/uid=a/fails=1 Succeeded/ix=1/uid=b/fails=0 Failed/ix=2/uid=c/fails=1 Running/ix=3/uid=d/fails=0",
        "succeeded 1; failed 3; terminating 1; done 1; lost 0,2 | FailureTarget MaxFailedIndexesExceeded",
    ),
    (
        "job failed due to failed indexes; JobPodReplacementPolicy and JobManagedBy disabled",
        "parallelism: 2, completions: 2, backoffLimit: 2147483647, completionMode: Indexed, backoffLimitPerIndex: 1",
        "Failed/ix=0/uid=a/fails=1 Succeeded/ix=1/uid=b/fails=0",
        "succeeded 1; failed 1; done 1; lost 0 | FailureTarget FailedIndexes | Failed FailedIndexes",
    ),
    (
        "job failed due to failed indexes; JobManagedBy enabled",
        "parallelism: 2, completions: 2, backoffLimit: 2147483647, completionMode: Indexed, backoffLimitPerIndex: 1",
        "Failed/ix=0/uid=a/fails=1 Succeeded/ix=1/uid=b/fails=0",
        "succeeded 1; failed 1; done 1; lost 0 | FailureTarget FailedIndexes | Failed FailedIndexes",
    ),
    (
        "job failed due to exceeding max failed indexes; JobPodReplacementPolicy and JobManagedBy disabled",
        "parallelism: 4, completions: 4, backoffLimit: 2147483647, completionMode: Indexed, backoffLimitPerIndex: 1, maxFailedIndexes: 1",
        "Failed/ix=0/uid=a/fails=1 Succeeded/ix=1/uid=b/fails=0 Failed/ix=2/uid=c/fails=1 Running/ix=3/uid=d/fails=0",
        "succeeded 1; failed 3; terminating 1; done 1; lost 0,2 | FailureTarget MaxFailedIndexesExceeded",
    ),
    (
        "job failed due to exceeding max failed indexes; JobManagedBy enabled",
        "parallelism: 4, completions: 4, backoffLimit: 2147483647, completionMode: Indexed, backoffLimitPerIndex: 1, maxFailedIndexes: 1",
        "Failed/ix=0/uid=a/fails=1 Succeeded/ix=1/uid=b/fails=0 Failed/ix=2/uid=c/fails=1 Running/ix=3/uid=d/fails=0",
        "succeeded 1; failed 3; terminating 1; done 1; lost 0,2 | FailureTarget MaxFailedIndexesExceeded",
    ),
];
/// `TestJobBackoffForOnFailure`, then `TestJobBackoffOnRestartPolicyNever`.
pub const BACKOFF: &[Case] = &[
    (
        "backoffLimit 0 should have 1 pod active",
        "parallelism: 1, completions: 1, backoffLimit: 0, restartPolicy: OnFailure",
        "Running/c:c=runs~0",
        "active 1",
    ),
    (
        "backoffLimit 1 with restartCount 0 should have 1 pod active",
        "parallelism: 1, completions: 1, backoffLimit: 1, restartPolicy: OnFailure",
        "Running/c:c=runs~0",
        "active 1",
    ),
    (
        "backoffLimit 1 with restartCount 1 and podRunning should have 0 pod active",
        "parallelism: 1, completions: 1, backoffLimit: 1, restartPolicy: OnFailure",
        "Running/c:c=runs~1",
        "failed 1; terminating 1 | FailureTarget BackoffLimitExceeded",
    ),
    (
        "backoffLimit 1 with restartCount 1 and podPending should have 0 pod active",
        "parallelism: 1, completions: 1, backoffLimit: 1, restartPolicy: OnFailure",
        "Pending/c:c=runs~1",
        "failed 1; terminating 1 | FailureTarget BackoffLimitExceeded",
    ),
    (
        "too many job failures with podRunning - single pod",
        "parallelism: 1, completions: 5, backoffLimit: 2, restartPolicy: OnFailure",
        "Running/c:c=runs~2",
        "failed 1; terminating 1 | FailureTarget BackoffLimitExceeded",
    ),
    (
        "too many job failures with podPending - single pod",
        "parallelism: 1, completions: 5, backoffLimit: 2, restartPolicy: OnFailure",
        "Pending/c:c=runs~2",
        "failed 1; terminating 1 | FailureTarget BackoffLimitExceeded",
    ),
    (
        "too many job failures with podRunning - multiple pods",
        "parallelism: 2, completions: 5, backoffLimit: 2, restartPolicy: OnFailure",
        "Running/c:c=runs~1 Running/c:c=runs~1",
        "failed 2; terminating 2 | FailureTarget BackoffLimitExceeded",
    ),
    (
        "too many job failures with podPending - multiple pods",
        "parallelism: 2, completions: 5, backoffLimit: 2, restartPolicy: OnFailure",
        "Pending/c:c=runs~1 Pending/c:c=runs~1",
        "failed 2; terminating 2 | FailureTarget BackoffLimitExceeded",
    ),
    (
        "not enough failures",
        "parallelism: 2, completions: 5, backoffLimit: 3, restartPolicy: OnFailure",
        "Running/c:c=runs~1 Running/c:c=runs~1",
        "active 2",
    ),
    (
        "suspending a job",
        "parallelism: 2, completions: 4, backoffLimit: 6, suspend: true, restartPolicy: OnFailure",
        "Running/c:c=runs~1 Running/c:c=runs~1",
        "terminating 2 | Suspended JobSuspended",
    ),
    (
        "finished job",
        "parallelism: 2, completions: 4, backoffLimit: 6, suspend: true, restartPolicy: OnFailure",
        "Succeeded/c:c=runs~1 Succeeded/c:c=runs~1 Succeeded/c:c=runs~2 Succeeded/c:c=runs~0",
        "succeeded 4 | SuccessCriteriaMet CompletionsReached | Complete CompletionsReached",
    ),
    (
        "finished job; JobPodReplacementPolicy enabled",
        "parallelism: 2, completions: 4, backoffLimit: 6, suspend: true, restartPolicy: OnFailure",
        "Succeeded/c:c=runs~1 Succeeded/c:c=runs~1 Succeeded/c:c=runs~2 Succeeded/c:c=runs~0",
        "succeeded 4 | SuccessCriteriaMet CompletionsReached | Complete CompletionsReached",
    ),
    (
        "finished job; JobManagedBy enabled",
        "parallelism: 2, completions: 4, backoffLimit: 6, suspend: true, restartPolicy: OnFailure",
        "Succeeded/c:c=runs~1 Succeeded/c:c=runs~1 Succeeded/c:c=runs~2 Succeeded/c:c=runs~0",
        "succeeded 4 | SuccessCriteriaMet CompletionsReached | Complete CompletionsReached",
    ),
    (
        "too many job failures with podRunning - multiple pods; JobPodReplacementPolicy enabled",
        "parallelism: 2, completions: 5, backoffLimit: 2, restartPolicy: OnFailure",
        "Running/c:c=runs~1 Running/c:c=runs~1",
        "failed 2; terminating 2 | FailureTarget BackoffLimitExceeded",
    ),
    (
        "too many job failures with podRunning - multiple pods; JobManagedBy enabled",
        "parallelism: 2, completions: 5, backoffLimit: 2, restartPolicy: OnFailure",
        "Running/c:c=runs~1 Running/c:c=runs~1",
        "failed 2; terminating 2 | FailureTarget BackoffLimitExceeded",
    ),
    (
        "not enough failures with backoffLimit 0 - single pod",
        "parallelism: 1, completions: 1, backoffLimit: 0",
        "Running",
        "active 1",
    ),
    (
        "not enough failures with backoffLimit 1 - single pod",
        "parallelism: 1, completions: 1, backoffLimit: 1",
        "Failed",
        "active 1; failed 1",
    ),
    (
        "too many failures with backoffLimit 1 - single pod",
        "parallelism: 1, completions: 1, backoffLimit: 1",
        "2*Failed",
        "failed 2 | FailureTarget BackoffLimitExceeded | Failed BackoffLimitExceeded",
    ),
    (
        "not enough failures with backoffLimit 6 - multiple pods",
        "parallelism: 2, completions: 2, backoffLimit: 6",
        "Running 6*Failed",
        "active 2; failed 6",
    ),
    (
        "too many failures with backoffLimit 6 - multiple pods",
        "parallelism: 2, completions: 2, backoffLimit: 6",
        "7*Failed",
        "failed 7 | FailureTarget BackoffLimitExceeded | Failed BackoffLimitExceeded",
    ),
];
