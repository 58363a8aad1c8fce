//! What a fresh cluster holds: namespaces, nodes, the objects of kube-system.

use k8s_openapi::api::core::v1::{Namespace, Node, NodeCondition, NodeSpec, ServiceAccount, Taint};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::NodeConfig;
use crate::apiserver::{ApiServer, Caller};

/// Makes the objects of a fresh cluster.
pub fn bootstrap(server: &mut ApiServer, nodes: &[NodeConfig]) {
    let admin = Caller::component("system:kube-apiserver");
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(name.to_owned());
        let _ = server.create(&admin, namespace);
        let mut account = ServiceAccount::default();
        account.metadata.name = Some("default".to_owned());
        account.metadata.namespace = Some(name.to_owned());
        let _ = server.create(&admin, account);
    }
    for config in nodes {
        let mut node = Node::default();
        node.metadata.name = Some(config.name.clone());
        if config.control_plane {
            let taint = Taint {
                key: "node-role.kubernetes.io/control-plane".to_owned(),
                effect: "NoSchedule".to_owned(),
                ..Taint::default()
            };
            node.spec = Some(NodeSpec { taints: Some(vec![taint]), ..NodeSpec::default() });
        }
        let status = node.status.get_or_insert_default();
        let amounts = [
            ("cpu", format!("{}m", config.milli_cpu)),
            ("memory", config.memory.to_string()),
            ("pods", config.max_pods.to_string()),
        ];
        let amounts = amounts.map(|(name, amount)| (name.to_owned(), Quantity(amount)));
        status.allocatable = Some(amounts.clone().into());
        status.capacity = Some(amounts.into());
        status.conditions =
            Some(vec![NodeCondition { type_: "Ready".into(), status: "True".into(), ..NodeCondition::default() }]);
        let _ = server.create(&admin, node);
    }
}
