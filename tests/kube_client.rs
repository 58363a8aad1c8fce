//! The `kube` crate as a client of the server behind `tabernetes serve`: it lists, watches, patches, applies on the
//! server and runs a controller of its own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at once, in its helpers too")]
#![allow(clippy::disallowed_methods, reason = "a real client is waited for in real time")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::controller::Action;
use kube::runtime::{Controller, WatchStreamExt, watcher};
use kube::{Api, Client, Config, Resource, ResourceExt};
use serde_json::json;
use tabernetes::http::{Owner, Settings, listen, serve};

/// No answer takes longer, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A cluster that runs twenty times as fast as the clock, and a client of it.
async fn client() -> Client {
    let config = tabernetes::cluster::Config::default();
    let settings = Settings { config, speed: 20.0, warm_up: Duration::from_secs(60), prose: None };
    let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(listener, Owner::start(settings).unwrap(), std::future::pending()));
    Client::try_from(Config::new(url.parse().unwrap())).unwrap()
}

fn job(name: &str) -> Job {
    serde_json::from_value(json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [
            {"name": "c", "image": "busybox:1.36", "command": ["sh", "-c", "echo hello; sleep 2"]}]}}},
    }))
    .unwrap()
}

fn deployment(replicas: i32) -> serde_json::Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn it_lists_in_pages_and_watches_a_job_to_its_end() {
    let client = client().await;
    let version = client.apiserver_version().await.unwrap();
    assert_eq!(version.minor, "36");
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    for number in 0..5 {
        let map = ConfigMap {
            metadata: kube::core::ObjectMeta { name: Some(format!("m{number}")), ..Default::default() },
            ..Default::default()
        };
        maps.create(&PostParams::default(), &map).await.unwrap();
    }
    let page = maps.list(&ListParams::default().limit(2).fields("metadata.namespace=default")).await.unwrap();
    assert_eq!(page.items.len(), 2);
    let token = page.metadata.continue_.unwrap();
    let rest = maps.list(&ListParams::default().limit(10).continue_token(&token)).await.unwrap();
    assert!(rest.items.len() >= 3, "{:?}", rest.items.iter().map(ResourceExt::name_any).collect::<Vec<_>>());

    let jobs: Api<Job> = Api::namespaced(client.clone(), "default");
    let mut changes = Box::pin(watcher(jobs.clone(), watcher::Config::default()).applied_objects());
    jobs.create(&PostParams::default(), &job("hello")).await.unwrap();
    let done = async {
        while let Some(change) = changes.next().await {
            let status = change.unwrap().status.unwrap_or_default();
            if status.conditions.iter().flatten().any(|one| one.type_ == "Complete" && one.status == "True") {
                return status.succeeded;
            }
        }
        None
    };
    assert_eq!(tokio::time::timeout(PATIENCE, done).await.unwrap(), Some(1));
    let pods: Api<Pod> = Api::namespaced(client, "default");
    let of_job = pods.list(&ListParams::default().labels("job-name=hello")).await.unwrap();
    let logs = pods.logs(&of_job.items.first().unwrap().name_any(), &Default::default()).await.unwrap();
    assert_eq!(logs, "hello\n");
    let gone = jobs.delete("hello", &DeleteParams::background()).await.unwrap();
    assert!(gone.right().is_none_or(|status| status.is_success()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streamed_list_is_a_list() {
    let client = client().await;
    let pods: Api<Pod> = Api::namespaced(client, "kube-system");
    let listed = pods.list(&ListParams::default()).await.unwrap().items.len();
    let mut events = Box::pin(watcher(pods, watcher::Config::default().streaming_lists()));
    let mut seen = 0;
    let all = async {
        while let Some(event) = events.next().await {
            match event.unwrap() {
                watcher::Event::InitApply(_) => seen += 1,
                watcher::Event::InitDone => break,
                _ => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
    assert_eq!(seen, listed);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_patches_and_applies_on_the_server() {
    let client = client().await;
    let deployments: Api<Deployment> = Api::namespaced(client, "default");
    let first = deployments.patch("web", &PatchParams::apply("one"), &Patch::Apply(deployment(1))).await.unwrap();
    let fields = first.metadata.managed_fields.unwrap();
    assert_eq!(
        (fields.len(), fields[0].manager.as_deref(), fields[0].operation.as_deref()),
        (1, Some("one"), Some("Apply"))
    );
    let refused = deployments.patch("web", &PatchParams::apply("two"), &Patch::Apply(deployment(2))).await.unwrap_err();
    let kube::Error::Api(status) = refused else { panic!("{refused}") };
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
    assert_eq!(status.message, "Apply failed with 1 conflict: conflict with \"one\": .spec.replicas");
    let forced =
        deployments.patch("web", &PatchParams::apply("two").force(), &Patch::Apply(deployment(2))).await.unwrap();
    assert_eq!(forced.spec.unwrap().replicas, Some(2));
    let merged = deployments
        .patch("web", &PatchParams::default(), &Patch::Merge(json!({"metadata": {"labels": {"a": "b"}}})))
        .await
        .unwrap();
    assert_eq!(merged.labels().get("a").map(String::as_str), Some("b"));
    let container = json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]}}}});
    let strategic = deployments.patch("web", &PatchParams::default(), &Patch::Strategic(container)).await.unwrap();
    let containers = strategic.spec.unwrap().template.spec.unwrap().containers;
    assert_eq!((containers.len(), containers[0].image.as_deref()), (1, Some("nginx:1.27")));
    let mut old = deployments.get("web").await.unwrap();
    old.metadata.resource_version = Some("1".to_owned());
    let kube::Error::Api(status) = deployments.replace("web", &PostParams::default(), &old).await.unwrap_err() else {
        panic!("an old version was taken")
    };
    assert_eq!(status.code, 409);
    let scale = deployments.get_scale("web").await.unwrap();
    assert_eq!(scale.spec.unwrap().replicas, Some(2));
}

/// Makes a Job for every ConfigMap that wants one.
async fn reconcile(map: Arc<ConfigMap>, client: Arc<Client>) -> Result<Action, kube::Error> {
    if !map.labels().contains_key("wants-job") {
        return Ok(Action::await_change());
    }
    let jobs: Api<Job> = Api::namespaced(Client::clone(&client), "default");
    let mut wanted = job(&map.name_any());
    wanted.metadata.owner_references = map.controller_owner_ref(&()).map(|owner| vec![owner]);
    jobs.patch(&map.name_any(), &PatchParams::apply("maps").force(), &Patch::Apply(&wanted)).await?;
    Ok(Action::await_change())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_a_controller_of_its_own() {
    let client = client().await;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    let jobs: Api<Job> = Api::namespaced(client.clone(), "default");
    let retry = |_: Arc<ConfigMap>, _: &kube::Error, _: Arc<Client>| Action::requeue(Duration::from_secs(1));
    let controller = Controller::new(maps.clone(), watcher::Config::default())
        .owns(jobs.clone(), watcher::Config::default())
        .run(reconcile, retry, Arc::new(client))
        .for_each(|_| async {});
    let controller = tokio::spawn(controller);
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made", "labels": {"wants-job": "yes"}}});
    maps.create(&PostParams::default(), &serde_json::from_value(map).unwrap()).await.unwrap();
    let complete = async {
        loop {
            let status = jobs.get_opt("made").await.unwrap().and_then(|job| job.status).unwrap_or_default();
            if status.succeeded == Some(1) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, complete).await.unwrap();
    maps.delete("made", &DeleteParams::default()).await.unwrap();
    let collected = async {
        while jobs.get_opt("made").await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, collected).await.unwrap();
    controller.abort();
}
