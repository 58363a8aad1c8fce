//! Objects as error texts show them: with the fields and names of the server's own Go types, absent ones included.
//!
//! Models Kubernetes 1.36 pkg/apis/core/types.go, pkg/apis/batch/types.go and pkg/apis/apps/types.go, in so far as
//! errors print them. Only values that an immutable field or a wrong choice can show are listed.

use serde_json::{Map, Value, json};

use crate::text::{go_diff, go_json};

/// A type a line: its fields in Go's order. `Name=json:shape`, where `json` may be left out when Go's usual spelling
/// gives it. Shapes: `s` text, `i` number, `b` boolean, `q` quantity, `p` port, `*` anything that may be absent,
/// `sel` a label selector, `T` a struct that may be absent, `T!` one that is always there, `[T]` a list of structs,
/// `{T}` a map of them, `@T` one or many, `?T` one or whether there may be any.
const TYPES: &str = "\
PodSpec Volumes:[Volume] InitContainers:[Container] Containers:[Container] EphemeralContainers:[EphemeralContainer] RestartPolicy:s TerminationGracePeriodSeconds:* ActiveDeadlineSeconds:* DNSPolicy:s NodeSelector:* ServiceAccountName:s AutomountServiceAccountToken:* NodeName:s SecurityContext:PodSecurityContext ImagePullSecrets:[LocalObjectReference] Hostname:s Subdomain:s SetHostnameAsFQDN:* Affinity:Affinity SchedulerName:s Tolerations:[Toleration] HostAliases:[HostAlias] PriorityClassName:s Priority:* PreemptionPolicy:* DNSConfig:PodDNSConfig ReadinessGates:[PodReadinessGate] RuntimeClassName:* Overhead:* EnableServiceLinks:* TopologySpreadConstraints:[TopologySpreadConstraint] OS:PodOS SchedulingGates:[PodSchedulingGate] ResourceClaims:[PodResourceClaim] Resources:ResourceRequirements HostnameOverride:* SchedulingGroup:PodSchedulingGroup
PodSecurityContext HostNetwork:b HostPID:b HostIPC:b ShareProcessNamespace:* HostUsers:* SELinuxOptions:SELinuxOptions WindowsOptions:WindowsSecurityContextOptions RunAsUser:* RunAsGroup:* RunAsNonRoot:* SupplementalGroups:* SupplementalGroupsPolicy:* FSGroup:* FSGroupChangePolicy:* Sysctls:[Sysctl] SeccompProfile:SeccompProfile AppArmorProfile:SeccompProfile SELinuxChangePolicy:*
Container Name:s Image:s Command:* Args:* WorkingDir:s Ports:[ContainerPort] EnvFrom:[EnvFromSource] Env:[EnvVar] Resources:ResourceRequirements! ResizePolicy:[ContainerResizePolicy] RestartPolicy:* RestartPolicyRules:[ContainerRestartRule] VolumeMounts:[VolumeMount] VolumeDevices:[VolumeDevice] LivenessProbe:Probe ReadinessProbe:Probe StartupProbe:Probe Lifecycle:Lifecycle TerminationMessagePath:s TerminationMessagePolicy:s ImagePullPolicy:s SecurityContext:SecurityContext Stdin:b StdinOnce:b TTY:b
ContainerPort Name:s HostPort:i ContainerPort:i Protocol:s HostIP:s
ContainerResizePolicy ResourceName:s RestartPolicy:s
EnvVar Name:s Value:s ValueFrom:EnvVarSource
EnvVarSource FieldRef:ObjectFieldSelector ResourceFieldRef:ResourceFieldSelector ConfigMapKeyRef:KeySelector SecretKeyRef:KeySelector FileKeyRef:FileKeySelector
ObjectFieldSelector APIVersion:s FieldPath:s
ResourceFieldSelector ContainerName:s Resource:s Divisor:q
KeySelector Name:s Key:s Optional:*
EnvFromSource Prefix:s ConfigMapRef:EnvSource SecretRef:EnvSource
EnvSource Name:s Optional:*
ResourceRequirements Limits:* Requests:* Claims:[ResourceClaim]
ResourceClaim Name:s Request:s
VolumeMount Name:s ReadOnly:b RecursiveReadOnly:* MountPath:s SubPath:s MountPropagation:* SubPathExpr:s
VolumeDevice Name:s DevicePath:s
Probe Exec:ExecAction HTTPGet:HTTPGetAction TCPSocket:TCPSocketAction GRPC:GRPCAction InitialDelaySeconds:i TimeoutSeconds:i PeriodSeconds:i SuccessThreshold:i FailureThreshold:i TerminationGracePeriodSeconds:*
ExecAction Command:*
HTTPGetAction Path:s Port:p Host:s Scheme:s HTTPHeaders:[HTTPHeader]
HTTPHeader Name:s Value:s
TCPSocketAction Port:p Host:s
GRPCAction Port:i Service:*
Lifecycle PostStart:LifecycleHandler PreStop:LifecycleHandler StopSignal:*
LifecycleHandler Exec:ExecAction HTTPGet:HTTPGetAction TCPSocket:TCPSocketAction Sleep:SleepAction
SleepAction Seconds:i
SecurityContext Capabilities:Capabilities Privileged:* SELinuxOptions:SELinuxOptions WindowsOptions:WindowsSecurityContextOptions RunAsUser:* RunAsGroup:* RunAsNonRoot:* ReadOnlyRootFilesystem:* AllowPrivilegeEscalation:* ProcMount:* SeccompProfile:SeccompProfile AppArmorProfile:SeccompProfile
Capabilities Add:* Drop:*
SELinuxOptions User:s Role:s Type:s Level:s
SeccompProfile Type:s LocalhostProfile:*
Sysctl Name:s Value:s
LocalObjectReference Name:s
Affinity NodeAffinity:NodeAffinity PodAffinity:PodAffinity PodAntiAffinity:PodAffinity
NodeAffinity RequiredDuringSchedulingIgnoredDuringExecution:NodeSelector PreferredDuringSchedulingIgnoredDuringExecution:[PreferredSchedulingTerm]
NodeSelector NodeSelectorTerms:[NodeSelectorTerm]
NodeSelectorTerm MatchExpressions:[NodeSelectorRequirement] MatchFields:[NodeSelectorRequirement]
NodeSelectorRequirement Key:s Operator:s Values:*
PreferredSchedulingTerm Weight:i Preference:NodeSelectorTerm!
PodAffinity RequiredDuringSchedulingIgnoredDuringExecution:[PodAffinityTerm] PreferredDuringSchedulingIgnoredDuringExecution:[WeightedPodAffinityTerm]
WeightedPodAffinityTerm Weight:i PodAffinityTerm:PodAffinityTerm!
PodAffinityTerm LabelSelector:sel Namespaces:* TopologyKey:s NamespaceSelector:sel MatchLabelKeys:* MismatchLabelKeys:*
Toleration Key:s Operator:s Value:s Effect:s TolerationSeconds:*
HostAlias IP:s Hostnames:*
PodDNSConfig Nameservers:* Searches:* Options:[PodDNSConfigOption]
PodDNSConfigOption Name:s Value:*
PodReadinessGate ConditionType:s
TopologySpreadConstraint MaxSkew:i TopologyKey:s WhenUnsatisfiable:s LabelSelector:sel MinDomains:* NodeAffinityPolicy:* NodeTaintsPolicy:* MatchLabelKeys:*
PodOS Name:s
PodSchedulingGate Name:s
PodResourceClaim Name:s ResourceClaimName:* ResourceClaimTemplateName:*
Volume Name:s HostPath:HostPathVolumeSource EmptyDir:EmptyDirVolumeSource GCEPersistentDisk:GCEPersistentDiskVolumeSource AWSElasticBlockStore:AWSElasticBlockStoreVolumeSource GitRepo:GitRepoVolumeSource Secret:SecretVolumeSource NFS:NFSVolumeSource ISCSI:ISCSIVolumeSource Glusterfs:GlusterfsVolumeSource PersistentVolumeClaim:PersistentVolumeClaimVolumeSource RBD:RBDVolumeSource Quobyte:QuobyteVolumeSource FlexVolume:FlexVolumeSource Cinder:CinderVolumeSource CephFS=cephfs:CephFSVolumeSource Flocker:FlockerVolumeSource DownwardAPI:DownwardAPIVolumeSource FC:FCVolumeSource AzureFile:AzureFileVolumeSource ConfigMap:ConfigMapVolumeSource VsphereVolume:VsphereVirtualDiskVolumeSource AzureDisk:AzureDiskVolumeSource PhotonPersistentDisk:PhotonPersistentDiskVolumeSource Projected:ProjectedVolumeSource PortworxVolume:PortworxVolumeSource ScaleIO:ScaleIOVolumeSource StorageOS=storageos:StorageOSVolumeSource CSI:CSIVolumeSource Ephemeral:EphemeralVolumeSource Image:ImageVolumeSource
HostPathVolumeSource Path:s Type:*
EmptyDirVolumeSource Medium:s SizeLimit:*
SecretVolumeSource SecretName:s Items:[KeyToPath] DefaultMode:* Optional:*
ConfigMapVolumeSource Name:s Items:[KeyToPath] DefaultMode:* Optional:*
KeyToPath Key:s Path:s Mode:*
NFSVolumeSource Server:s Path:s ReadOnly:b
PersistentVolumeClaimVolumeSource ClaimName:s ReadOnly:b
DownwardAPIVolumeSource Items:[DownwardAPIVolumeFile] DefaultMode:*
DownwardAPIVolumeFile Path:s FieldRef:ObjectFieldSelector ResourceFieldRef:ResourceFieldSelector Mode:*
ProjectedVolumeSource Sources:[VolumeProjection] DefaultMode:*
VolumeProjection Secret:SecretProjection DownwardAPI:DownwardAPIProjection ConfigMap:SecretProjection ServiceAccountToken:ServiceAccountTokenProjection ClusterTrustBundle:ClusterTrustBundleProjection PodCertificate:PodCertificateProjection
SecretProjection Name:s Items:[KeyToPath] Optional:*
DownwardAPIProjection Items:[DownwardAPIVolumeFile]
ServiceAccountTokenProjection Audience:s ExpirationSeconds:i Path:s
ImageVolumeSource Reference:s PullPolicy:s
GCEPersistentDiskVolumeSource PDName:s FSType:s Partition:i ReadOnly:b
AWSElasticBlockStoreVolumeSource VolumeID:s FSType:s Partition:i ReadOnly:b
GitRepoVolumeSource Repository:s Revision:s Directory:s
ISCSIVolumeSource TargetPortal:s IQN:s Lun:i ISCSIInterface:s FSType:s ReadOnly:b Portals:* DiscoveryCHAPAuth=chapAuthDiscovery:b SessionCHAPAuth=chapAuthSession:b SecretRef:LocalObjectReference InitiatorName:*
GlusterfsVolumeSource EndpointsName=endpoints:s Path:s ReadOnly:b
RBDVolumeSource CephMonitors=monitors:* RBDImage=image:s FSType:s RBDPool=pool:s RadosUser=user:s Keyring:s SecretRef:LocalObjectReference ReadOnly:b
QuobyteVolumeSource Registry:s Volume:s ReadOnly:b User:s Group:s Tenant:s
FlexVolumeSource Driver:s FSType:s SecretRef:LocalObjectReference ReadOnly:b Options:*
CinderVolumeSource VolumeID:s FSType:s ReadOnly:b SecretRef:LocalObjectReference
CephFSVolumeSource Monitors:* Path:s User:s SecretFile:s SecretRef:LocalObjectReference ReadOnly:b
FlockerVolumeSource DatasetName:s DatasetUUID:s
FCVolumeSource TargetWWNs:* Lun:* FSType:s ReadOnly:b WWIDs=wwids:*
AzureFileVolumeSource SecretName:s ShareName:s ReadOnly:b
VsphereVirtualDiskVolumeSource VolumePath:s FSType:s StoragePolicyName:s StoragePolicyID:s
AzureDiskVolumeSource DiskName:s DataDiskURI=diskURI:s CachingMode:* FSType:* ReadOnly:* Kind:*
PhotonPersistentDiskVolumeSource PdID:s FSType:s
PortworxVolumeSource VolumeID:s FSType:s ReadOnly:b
ScaleIOVolumeSource Gateway:s System:s SecretRef:LocalObjectReference SSLEnabled:b ProtectionDomain:s StoragePool:s StorageMode:s VolumeName:s FSType:s ReadOnly:b
StorageOSVolumeSource VolumeName:s VolumeNamespace:s FSType:s ReadOnly:b SecretRef:LocalObjectReference
CSIVolumeSource Driver:s ReadOnly:* FSType:* VolumeAttributes:* NodePublishSecretRef:LocalObjectReference
EphemeralVolumeSource VolumeClaimTemplate:VolumeClaimTemplate
VolumeClaimTemplate Spec:PersistentVolumeClaimSpec!
ClusterTrustBundleProjection Name:* SignerName:* LabelSelector:sel Optional:* Path:s
PodCertificateProjection SignerName:s KeyType:s MaxExpirationSeconds:* CredentialBundlePath:s KeyPath:s CertificateChainPath:s UserAnnotations:*
FileKeySelector VolumeName:s Path:s Key:s Optional:*
WindowsSecurityContextOptions GMSACredentialSpecName:* GMSACredentialSpec:* RunAsUserName:* HostProcess:*
PodSchedulingGroup PodGroupName:*
ContainerRestartRule Action:s ExitCodes:RestartExitCodes
RestartExitCodes Operator:s Values:*
PodFailurePolicy Rules:[PodFailurePolicyRule]
PodFailurePolicyRule Action:s OnExitCodes:OnExitCodes OnPodConditions:[OnPodCondition]
OnExitCodes ContainerName:* Operator:s Values:*
OnPodCondition Type:s Status:s
SuccessPolicy Rules:[SuccessPolicyRule]
SuccessPolicyRule SucceededIndexes:* SucceededCount:*
DeploymentStrategy Type:s RollingUpdate:RollingUpdateDeployment
RollingUpdateDeployment MaxUnavailable:p MaxSurge:p
StatefulSetUpdateStrategy Type:s RollingUpdate:RollingUpdateStatefulSetStrategy
RollingUpdateStatefulSetStrategy Partition:i MaxUnavailable:*
DaemonSetUpdateStrategy Type:s RollingUpdate:RollingUpdateDeployment
PersistentVolumeClaimSpec AccessModes:* Selector:sel Resources:VolumeResourceRequirements! VolumeName:s StorageClassName:* VolumeMode:* DataSource:TypedReference DataSourceRef:TypedObjectReference VolumeAttributesClassName:*
PersistentVolumeSource GCEPersistentDisk:GCEPersistentDiskVolumeSource AWSElasticBlockStore:AWSElasticBlockStoreVolumeSource HostPath:HostPathVolumeSource Glusterfs:GlusterfsPersistentVolumeSource NFS:NFSVolumeSource RBD:RBDPersistentVolumeSource Quobyte:QuobyteVolumeSource ISCSI:ISCSIPersistentVolumeSource FlexVolume:FlexPersistentVolumeSource Cinder:CinderPersistentVolumeSource CephFS=cephfs:CephFSPersistentVolumeSource FC:FCVolumeSource Flocker:FlockerVolumeSource AzureFile:AzureFilePersistentVolumeSource VsphereVolume:VsphereVirtualDiskVolumeSource AzureDisk:AzureDiskVolumeSource PhotonPersistentDisk:PhotonPersistentDiskVolumeSource PortworxVolume:PortworxVolumeSource ScaleIO:ScaleIOPersistentVolumeSource Local:LocalVolumeSource StorageOS=storageos:StorageOSPersistentVolumeSource CSI:CSIPersistentVolumeSource
GlusterfsPersistentVolumeSource EndpointsName=endpoints:s Path:s ReadOnly:b EndpointsNamespace:*
RBDPersistentVolumeSource CephMonitors=monitors:* RBDImage=image:s FSType:s RBDPool=pool:s RadosUser=user:s Keyring:s SecretRef:SecretReference ReadOnly:b
ISCSIPersistentVolumeSource TargetPortal:s IQN:s Lun:i ISCSIInterface:s FSType:s ReadOnly:b Portals:* DiscoveryCHAPAuth=chapAuthDiscovery:b SessionCHAPAuth=chapAuthSession:b SecretRef:SecretReference InitiatorName:*
FlexPersistentVolumeSource Driver:s FSType:s SecretRef:SecretReference ReadOnly:b Options:*
CinderPersistentVolumeSource VolumeID:s FSType:s ReadOnly:b SecretRef:SecretReference
CephFSPersistentVolumeSource Monitors:* Path:s User:s SecretFile:s SecretRef:SecretReference ReadOnly:b
AzureFilePersistentVolumeSource SecretName:s ShareName:s ReadOnly:b SecretNamespace:*
ScaleIOPersistentVolumeSource Gateway:s System:s SecretRef:SecretReference SSLEnabled:b ProtectionDomain:s StoragePool:s StorageMode:s VolumeName:s FSType:s ReadOnly:b
StorageOSPersistentVolumeSource VolumeName:s VolumeNamespace:s FSType:s ReadOnly:b SecretRef:ObjectReference
ObjectReference Kind:s Namespace:s Name:s UID:s APIVersion:s ResourceVersion:s FieldPath:s
LocalVolumeSource Path:s FSType:*
CSIPersistentVolumeSource Driver:s VolumeHandle:s ReadOnly:b FSType:s VolumeAttributes:* ControllerPublishSecretRef:SecretReference NodeStageSecretRef:SecretReference NodePublishSecretRef:SecretReference ControllerExpandSecretRef:SecretReference NodeExpandSecretRef:SecretReference
SecretReference Name:s Namespace:s
CustomResourceDefinitionVersion Name:s Served:b Storage:b Deprecated:b DeprecationWarning:* Schema:CustomResourceValidation Subresources:CustomResourceSubresources AdditionalPrinterColumns:[CustomResourceColumnDefinition] SelectableFields:[SelectableField]
CustomResourceValidation OpenAPIV3Schema=openAPIV3Schema:JSONSchemaProps
CustomResourceSubresources Status:* Scale:CustomResourceSubresourceScale
CustomResourceSubresourceScale SpecReplicasPath:s StatusReplicasPath:s LabelSelectorPath:*
CustomResourceColumnDefinition Name:s Type:s Format:s Description:s Priority:i JSONPath:s
SelectableField JSONPath:s
JSONSchemaProps ID:s Schema=$schema:s Ref=$ref:* Description:s Type:s Nullable:b Format:s Title:s Default:* Maximum:* ExclusiveMaximum:b Minimum:* ExclusiveMinimum:b MaxLength:* MinLength:* Pattern:s MaxItems:* MinItems:* UniqueItems:b MultipleOf:* Enum:* MaxProperties:* MinProperties:* Required:* Items:@JSONSchemaProps AllOf:[JSONSchemaProps] OneOf:[JSONSchemaProps] AnyOf:[JSONSchemaProps] Not:JSONSchemaProps Properties:{JSONSchemaProps} AdditionalProperties:?JSONSchemaProps PatternProperties:{JSONSchemaProps} Dependencies:* AdditionalItems:?JSONSchemaProps Definitions:{JSONSchemaProps} ExternalDocs:* Example:* XPreserveUnknownFields=x-kubernetes-preserve-unknown-fields:* XEmbeddedResource=x-kubernetes-embedded-resource:b XIntOrString=x-kubernetes-int-or-string:b XListMapKeys=x-kubernetes-list-map-keys:* XListType=x-kubernetes-list-type:* XMapType=x-kubernetes-map-type:* XValidations=x-kubernetes-validations:[ValidationRule]
ValidationRule Rule:s Message:s MessageExpression:s Reason:* FieldPath:s OptionalOldSelf:*
VolumeNodeAffinity Required:NodeSelector
VolumeResourceRequirements Limits:* Requests:*
TypedReference APIGroup:* Kind:s Name:s
TypedObjectReference APIGroup:* Kind:s Name:s Namespace:*";

/// The fields of metadata in Go's order; empty ones are left out.
const OBJECT_META: &str = "name generateName namespace selfLink uid resourceVersion generation creationTimestamp \
                           deletionTimestamp deletionGracePeriodSeconds labels annotations ownerReferences finalizers \
                           managedFields";

/// A value with its fields in Go's order.
enum Node {
    Plain(Value),
    Struct(Vec<(String, Node)>),
    List(Vec<Node>),
}

/// A value of the type on one line, as errors show it.
pub fn dump(type_name: &str, value: &Value) -> String {
    let mut out = String::new();
    write_compact(&mut out, &convert(type_name, value));
    out
}

/// A value of the type over many lines, indented by one space a level, as diffs in errors show it.
fn dump_lines(type_name: &str, value: &Value) -> String {
    let mut out = String::new();
    write_lines(&mut out, &convert(type_name, value), 0);
    out
}

/// What has changed between two values of the type, as errors show it: lines with `-` and `+` (`diff.Diff`).
pub fn difference(type_name: &str, old: &Value, new: &Value) -> String {
    go_diff::unified(&dump_lines(type_name, old), &dump_lines(type_name, new), 3)
}

/// A template of Pods on one line: its metadata is spread out beside its spec.
pub fn dump_template(template: &Value) -> String {
    let mut fields = Vec::new();
    for name in OBJECT_META.split(' ') {
        if let Some(value) = template.get("metadata").and_then(|meta| meta.get(name)) {
            let empty = value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
            if !empty {
                fields.push((name.to_owned(), Node::Plain(value.clone())));
            }
        }
    }
    fields.push(("Spec".to_owned(), convert("PodSpec", template.get("spec").unwrap_or(&Value::Null))));
    let mut out = String::new();
    write_compact(&mut out, &Node::Struct(fields));
    out
}

/// A label selector on one line, labels before expressions.
pub fn dump_selector(selector: &Value) -> String {
    let mut out = String::new();
    write_compact(&mut out, &selector_node(selector));
    out
}

fn selector_node(selector: &Value) -> Node {
    if selector.is_null() {
        return Node::Plain(Value::Null);
    }
    let mut fields = Vec::new();
    let labels =
        selector.get("matchLabels").filter(|labels| labels.as_object().is_none_or(|labels| !labels.is_empty()));
    if let Some(labels) = labels {
        fields.push(("matchLabels".to_owned(), Node::Plain(labels.clone())));
    }
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    if let Some(expressions) = expressions.filter(|expressions| !expressions.is_empty()) {
        let one = |expression: &Value| {
            let present = ["key", "operator", "values"].into_iter().filter_map(|name| {
                let value =
                    expression.get(name).filter(|value| value.as_array().is_none_or(|list| !list.is_empty()))?;
                Some((name.to_owned(), Node::Plain(value.clone())))
            });
            Node::Struct(present.collect())
        };
        fields.push(("matchExpressions".to_owned(), Node::List(expressions.iter().map(one).collect())));
    }
    Node::Struct(fields)
}

fn convert(type_name: &str, value: &Value) -> Node {
    // A container for looking around is one like all, and may have another in sight.
    let (base, more) = match type_name {
        "EphemeralContainer" => ("Container", " TargetContainerName:s"),
        other => (other, ""),
    };
    let known = TYPES.lines().find_map(|line| line.split_once(' ').filter(|(name, _)| *name == base));
    let Some((_, fields)) = known else { return Node::Plain(value.clone()) };
    let fields = fields.to_owned() + more;
    let moved;
    let value = if type_name == "PodSpec" {
        moved = with_moved_fields(value);
        &moved
    } else {
        value
    };
    let none = Map::new();
    let held = value.as_object().unwrap_or(&none);
    let convert_field = |word: &str| {
        let (name, shape) = word.split_once(':')?;
        let (name, key) = match name.split_once('=') {
            Some((name, key)) => (name, key.to_owned()),
            None => (name, json_name(name)),
        };
        let found = held.get(&key).filter(|found| !found.is_null());
        Some((name.to_owned(), convert_shape(shape, found)))
    };
    Node::Struct(fields.split(' ').filter_map(convert_field).collect())
}

fn convert_shape(shape: &str, found: Option<&Value>) -> Node {
    if let Some(inner) = shape.strip_prefix('[').and_then(|shape| shape.strip_suffix(']')) {
        return match found.and_then(Value::as_array) {
            Some(elements) => Node::List(elements.iter().map(|element| convert(inner, element)).collect()),
            None => Node::Plain(Value::Null),
        };
    }
    if let Some(inner) = shape.strip_prefix('{').and_then(|shape| shape.strip_suffix('}')) {
        let Some(entries) = found.and_then(Value::as_object) else { return Node::Plain(Value::Null) };
        return Node::Struct(entries.iter().map(|(name, entry)| (name.clone(), convert(inner, entry))).collect());
    }
    if let Some(inner) = shape.strip_prefix(['@', '?']) {
        // A schema, or a list of them; a schema, or whether there may be one.
        let Some(found) = found else { return Node::Plain(Value::Null) };
        let schema = if found.is_boolean() { Node::Plain(Value::Null) } else { convert(inner, found) };
        let schema = ("Schema".to_owned(), schema);
        return Node::Struct(if shape.starts_with('@') {
            vec![schema, ("JSONSchemas".to_owned(), Node::Plain(Value::Null))]
        } else {
            vec![("Allows".to_owned(), Node::Plain(json!(*found != json!(false)))), schema]
        });
    }
    if let Some(always) = shape.strip_suffix('!') {
        return convert(always, found.unwrap_or(&Value::Null));
    }
    let absent = match shape {
        "s" => json!(""),
        "i" | "p" => json!(0),
        "b" => json!(false),
        "q" => json!("0"),
        _ => Value::Null,
    };
    match (shape, found) {
        (_, None) => Node::Plain(absent),
        ("s" | "i" | "p" | "b" | "q" | "*", Some(value)) => Node::Plain(value.clone()),
        ("sel", Some(value)) => selector_node(value),
        (name, Some(value)) => convert(name, value),
    }
}

/// What the API has on the spec and the server keeps in the security context.
fn with_moved_fields(spec: &Value) -> Value {
    let mut spec = spec.clone();
    let mut moved = Map::new();
    for name in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"] {
        if let Some(value) = spec.get(name) {
            moved.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(context) = spec.get_mut("securityContext").and_then(Value::as_object_mut) {
        context.extend(moved);
    }
    spec
}

/// `HTTPGet` -> `httpGet`, `TTY` -> `tty`, `SELinuxOptions` -> `seLinuxOptions`.
fn json_name(name: &str) -> String {
    let capitals = name.chars().take_while(char::is_ascii_uppercase).count();
    let lowered = if capitals > 1 && capitals < name.len() { capitals - 1 } else { capitals };
    name.char_indices().map(|(at, c)| if at < lowered { c.to_ascii_lowercase() } else { c }).collect()
}

fn write_compact(out: &mut String, node: &Node) {
    match node {
        Node::Plain(value) => out.push_str(&go_json::to_compact(value)),
        Node::Struct(fields) => {
            out.push('{');
            for (index, (name, field)) in fields.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&go_json::quoted(name));
                out.push(':');
                write_compact(out, field);
            }
            out.push('}');
        }
        Node::List(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_compact(out, element);
            }
            out.push(']');
        }
    }
}

fn write_lines(out: &mut String, node: &Node, depth: usize) {
    let indent = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&" ".repeat(depth));
    };
    match node {
        Node::Struct(fields) if !fields.is_empty() => {
            out.push('{');
            for (index, (name, field)) in fields.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                indent(out, depth + 1);
                out.push_str(&go_json::quoted(name));
                out.push_str(": ");
                write_lines(out, field, depth + 1);
            }
            indent(out, depth);
            out.push('}');
        }
        Node::List(elements) if !elements.is_empty() => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                indent(out, depth + 1);
                write_lines(out, element, depth + 1);
            }
            indent(out, depth);
            out.push(']');
        }
        Node::Plain(Value::Array(elements)) if !elements.is_empty() => {
            let nodes = elements.iter().map(|element| Node::Plain(element.clone())).collect();
            write_lines(out, &Node::List(nodes), depth);
        }
        Node::Plain(Value::Object(fields)) if !fields.is_empty() => {
            let nodes = fields.iter().map(|(name, field)| (name.clone(), Node::Plain(field.clone()))).collect();
            write_lines(out, &Node::Struct(nodes), depth);
        }
        other => write_compact(out, other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_shown_with_everything_it_could_have() {
        let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {
            "containers": [{"name": "c", "image": "busybox:1.36", "command": ["sh", "-c", "a && b"], "resources": {},
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "imagePullPolicy": "IfNotPresent"}],
            "restartPolicy": "Never", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
            "securityContext": {}, "schedulerName": "default-scheduler"}});
        let expected = r#"{"labels":{"a":"b"},"Spec":{"Volumes":null,"InitContainers":null,"Containers":[{"Name":"c","Image":"busybox:1.36","Command":["sh","-c","a \u0026\u0026 b"],"Args":null,"WorkingDir":"","Ports":null,"EnvFrom":null,"Env":null,"Resources":{"Limits":null,"Requests":null,"Claims":null},"ResizePolicy":null,"RestartPolicy":null,"RestartPolicyRules":null,"VolumeMounts":null,"VolumeDevices":null,"LivenessProbe":null,"ReadinessProbe":null,"StartupProbe":null,"Lifecycle":null,"TerminationMessagePath":"/dev/termination-log","TerminationMessagePolicy":"File","ImagePullPolicy":"IfNotPresent","SecurityContext":null,"Stdin":false,"StdinOnce":false,"TTY":false}],"EphemeralContainers":null,"RestartPolicy":"Never","TerminationGracePeriodSeconds":30,"ActiveDeadlineSeconds":null,"DNSPolicy":"ClusterFirst","NodeSelector":null,"ServiceAccountName":"","AutomountServiceAccountToken":null,"NodeName":"","SecurityContext":{"HostNetwork":false,"HostPID":false,"HostIPC":false,"ShareProcessNamespace":null,"HostUsers":null,"SELinuxOptions":null,"WindowsOptions":null,"RunAsUser":null,"RunAsGroup":null,"RunAsNonRoot":null,"SupplementalGroups":null,"SupplementalGroupsPolicy":null,"FSGroup":null,"FSGroupChangePolicy":null,"Sysctls":null,"SeccompProfile":null,"AppArmorProfile":null,"SELinuxChangePolicy":null},"ImagePullSecrets":null,"Hostname":"","Subdomain":"","SetHostnameAsFQDN":null,"Affinity":null,"SchedulerName":"default-scheduler","Tolerations":null,"HostAliases":null,"PriorityClassName":"","Priority":null,"PreemptionPolicy":null,"DNSConfig":null,"ReadinessGates":null,"RuntimeClassName":null,"Overhead":null,"EnableServiceLinks":null,"TopologySpreadConstraints":null,"OS":null,"SchedulingGates":null,"ResourceClaims":null,"Resources":null,"HostnameOverride":null,"SchedulingGroup":null}}"#;
        assert_eq!(dump_template(&template), expected);
    }

    #[test]
    fn json_names_follow_gos_spelling() {
        for (go, json) in [
            ("HTTPGet", "httpGet"),
            ("TTY", "tty"),
            ("SELinuxOptions", "seLinuxOptions"),
            ("HostPID", "hostPID"),
            ("Name", "name"),
        ] {
            assert_eq!(json_name(go), json);
        }
    }
}
