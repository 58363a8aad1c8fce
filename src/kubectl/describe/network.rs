//! Services, endpoints and ingresses.

use serde_json::Value;

use super::Describer;
use super::parts::{DATED, joined, label_list, shown};
use crate::kubectl::failure::Failure;
use crate::kubectl::print::{list_at, map_at, str_at};
use crate::text::http::{Method, Request};

fn slices(d: &mut Describer<'_, '_>, namespace: &str, service: &str) -> Vec<Value> {
    let request = Request::new(Method::Get, format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"))
        .with_header("Accept", "application/json")
        .with_query("labelSelector", format!("kubernetes.io/service-name={service}"));
    d.cx.json(request).map(|answer| list_at(&answer, "/items").to_vec()).unwrap_or_default()
}

/// The first three addresses of a port's endpoints.
fn endpoint_list(slices: &[Value], port_name: Option<&str>) -> String {
    if slices.is_empty() {
        return "<none>".to_owned();
    }
    let ready = |endpoint: &&Value| endpoint.pointer("/conditions/ready").and_then(Value::as_bool).unwrap_or(true);
    let mut all = Vec::new();
    for slice in slices {
        let ports = list_at(slice, "/ports");
        let endpoints = list_at(slice, "/endpoints");
        if ports.is_empty() {
            all.extend(endpoints.iter().filter(ready).map(|endpoint| str_at(endpoint, "/addresses/0").to_owned()));
        }
        for port in ports.iter().filter(|port| port_name.is_none_or(|name| str_at(port, "/name") == name)) {
            let number = port.get("port").map(shown).unwrap_or_default();
            all.extend(
                endpoints.iter().filter(ready).map(|endpoint| format!("{}:{number}", str_at(endpoint, "/addresses/0"))),
            );
        }
    }
    let shown: Vec<String> = all.iter().take(3).cloned().collect();
    if all.len() > 3 { format!("{} + {} more...", shown.join(","), all.len() - 3) } else { shown.join(",") }
}

/// Describes a Service.
pub fn service(d: &mut Describer<'_, '_>, service: &Value) -> Result<(), Failure> {
    let of = |path: &str| str_at(service, path);
    let slices = slices(d, of("/metadata/namespace"), of("/metadata/name"));
    d.head(service);
    d.field("Selector", label_list(map_at(service, "/spec/selector")));
    d.field("Type", of("/spec/type"));
    if !of("/spec/ipFamilyPolicy").is_empty() {
        d.field("IP Family Policy", of("/spec/ipFamilyPolicy"));
    }
    d.field("IP Families", joined(list_at(service, "/spec/ipFamilies"), ",", "<none>"));
    d.field("IP", of("/spec/clusterIP"));
    d.field("IPs", joined(list_at(service, "/spec/clusterIPs"), ",", "<none>"));
    if !list_at(service, "/spec/externalIPs").is_empty() {
        d.field("External IPs", joined(list_at(service, "/spec/externalIPs"), ",", ""));
    }
    for (title, path) in [("Desired LoadBalancer IP", "/spec/loadBalancerIP"), ("External Name", "/spec/externalName")]
    {
        if !of(path).is_empty() {
            d.field(title, of(path));
        }
    }
    let ingress: Vec<String> = list_at(service, "/status/loadBalancer/ingress")
        .iter()
        .map(|one| match (str_at(one, "/ip"), str_at(one, "/ipMode")) {
            ("", _) => str_at(one, "/hostname").to_owned(),
            (ip, "") => ip.to_owned(),
            (ip, mode) => format!("{ip} ({mode})"),
        })
        .collect();
    if !ingress.is_empty() {
        d.field("LoadBalancer Ingress", ingress.join(", "));
    }
    for port in list_at(service, "/spec/ports") {
        let name = if str_at(port, "/name").is_empty() { "<unset>" } else { str_at(port, "/name") };
        let protocol = str_at(port, "/protocol");
        let part = |field: &str| port.get(field).map(shown).unwrap_or_default();
        d.w.line(0, &format!("Port:\t{name}\t{}/{protocol}", part("port")));
        d.w.line(0, &format!("TargetPort:\t{}/{protocol}", part("targetPort")));
        if port.get("appProtocol").is_some() {
            d.field("AppProtocol", part("appProtocol"));
        }
        if port.get("nodePort").and_then(Value::as_i64).unwrap_or(0) != 0 {
            d.w.line(0, &format!("NodePort:\t{name}\t{}/{protocol}", part("nodePort")));
        }
        d.field("Endpoints", endpoint_list(&slices, Some(str_at(port, "/name"))));
    }
    d.field("Session Affinity", of("/spec/sessionAffinity"));
    for (title, path) in [
        ("External Traffic Policy", "/spec/externalTrafficPolicy"),
        ("Internal Traffic Policy", "/spec/internalTrafficPolicy"),
        ("HealthCheck NodePort", "/spec/healthCheckNodePort"),
        ("LoadBalancer Source Ranges", "/spec/loadBalancerSourceRanges"),
        ("Traffic Distribution", "/spec/trafficDistribution"),
    ] {
        match service.pointer(path) {
            Some(Value::Array(ranges)) if !ranges.is_empty() => d.field(title, joined(ranges, ",", "")),
            Some(Value::String(text)) if !text.is_empty() => d.field(title, text),
            Some(Value::Number(port)) => d.field(title, port.to_string()),
            _ => {}
        }
    }
    d.events(service);
    Ok(())
}

/// Describes Endpoints.
pub fn endpoints(d: &mut Describer<'_, '_>, endpoints: &Value) -> Result<(), Failure> {
    d.head(endpoints);
    d.w.line(0, "Subsets:");
    for subset in list_at(endpoints, "/subsets") {
        for (title, path) in [("Addresses", "/addresses"), ("NotReadyAddresses", "/notReadyAddresses")] {
            let list: Vec<&str> = list_at(subset, path).iter().map(|address| str_at(address, "/ip")).collect();
            let text = if list.is_empty() { "<none>".to_owned() } else { list.join(",") };
            d.w.line(1, &format!("{title}:\t{text}"));
        }
        let ports = list_at(subset, "/ports");
        if !ports.is_empty() {
            d.w.line(1, "Ports:");
            d.w.line(2, "Name\tPort\tProtocol");
            d.w.line(2, "----\t----\t--------");
            for port in ports {
                let name = if str_at(port, "/name").is_empty() { "<unset>" } else { str_at(port, "/name") };
                let number = port.get("port").map(shown).unwrap_or_default();
                d.w.line(2, &format!("{name}\t{number}\t{}", str_at(port, "/protocol")));
            }
        }
        d.w.line(0, "");
    }
    d.events(endpoints);
    Ok(())
}

/// Describes an EndpointSlice.
pub fn endpoint_slice(d: &mut Describer<'_, '_>, slice: &Value) -> Result<(), Failure> {
    d.head(slice);
    d.field("AddressType", str_at(slice, "/addressType"));
    let ports = list_at(slice, "/ports");
    if ports.is_empty() {
        d.w.line(0, "Ports: <unset>");
    } else {
        d.w.line(0, "Ports:");
        d.w.line(1, "Name\tPort\tProtocol");
        d.w.line(1, "----\t----\t--------");
        for port in ports {
            let name = if str_at(port, "/name").is_empty() { "<unset>" } else { str_at(port, "/name") };
            let number = port.get("port").map_or_else(|| "<unset>".to_owned(), shown);
            d.w.line(1, &format!("{name}\t{number}\t{}", str_at(port, "/protocol")));
        }
    }
    let endpoints = list_at(slice, "/endpoints");
    d.w.line(0, if endpoints.is_empty() { "Endpoints: <none>" } else { "Endpoints:" });
    for endpoint in endpoints {
        let addresses: Vec<String> = list_at(endpoint, "/addresses").iter().map(shown).collect();
        let text = |path: &str| endpoint.pointer(path).map_or_else(|| "<unset>".to_owned(), shown);
        d.w.line(
            1,
            &format!("- Addresses:\t{}", if addresses.is_empty() { "<none>".to_owned() } else { addresses.join(", ") }),
        );
        d.w.line(2, "Conditions:");
        d.w.line(3, &format!("Ready:\t{}", text("/conditions/ready")));
        d.w.line(2, &format!("Hostname:\t{}", text("/hostname")));
        if endpoint.get("targetRef").is_some() {
            d.w.line(
                2,
                &format!("TargetRef:\t{}/{}", str_at(endpoint, "/targetRef/kind"), str_at(endpoint, "/targetRef/name")),
            );
        }
        d.w.line(2, &format!("NodeName:\t{}", text("/nodeName")));
        d.w.line(2, &format!("Zone:\t{}", text("/zone")));
    }
    d.events(slice);
    Ok(())
}

fn backend_text(d: &mut Describer<'_, '_>, namespace: &str, backend: &Value) -> String {
    if let Some(resource) = backend.get("resource") {
        let group = resource.get("apiGroup").map_or_else(|| "<none>".to_owned(), shown);
        return format!("APIGroup: {group}, Kind: {}, Name: {}", str_at(resource, "/kind"), str_at(resource, "/name"));
    }
    let service = str_at(backend, "/service/name");
    let port = match backend.pointer("/service/port/number") {
        Some(number) => shown(number),
        None => str_at(backend, "/service/port/name").to_owned(),
    };
    let target = format!("{service}:{port}");
    let found = d.cx.get(&format!("/api/v1/namespaces/{namespace}/services/{service}"));
    match found {
        Err(failure) => format!("{target} (<error: {}>)", failure.text()),
        Ok(object) => {
            let ports = list_at(&object, "/spec/ports");
            let fits = |one: &&Value| one.get("port").map(shown) == Some(port.clone()) || str_at(one, "/name") == port;
            let name = ports.iter().find(fits).map_or("", |one| str_at(one, "/name"));
            format!("{target} ({})", endpoint_list(&slices(d, namespace, service), Some(name)))
        }
    }
}

/// Describes an Ingress.
pub fn ingress(d: &mut Describer<'_, '_>, ingress: &Value) -> Result<(), Failure> {
    let namespace = str_at(ingress, "/metadata/namespace").to_owned();
    d.field("Name", str_at(ingress, "/metadata/name"));
    d.labels("Labels", map_at(ingress, "/metadata/labels"));
    d.field("Namespace", &namespace);
    let addresses: Vec<&str> = list_at(ingress, "/status/loadBalancer/ingress")
        .iter()
        .map(|one| if str_at(one, "/ip").is_empty() { str_at(one, "/hostname") } else { str_at(one, "/ip") })
        .collect();
    d.field("Address", addresses.join(","));
    let class = str_at(ingress, "/spec/ingressClassName");
    d.field("Ingress Class", if class.is_empty() { "<none>" } else { class });
    let default = match ingress.pointer("/spec/defaultBackend") {
        Some(backend) => backend_text(d, &namespace, backend),
        None => "<default>".to_owned(),
    };
    d.field("Default backend", &default);
    let tls = list_at(ingress, "/spec/tls");
    if !tls.is_empty() {
        d.w.line(0, "TLS:");
        for one in tls {
            let hosts: Vec<String> = list_at(one, "/hosts").iter().map(shown).collect();
            let text = match str_at(one, "/secretName") {
                "" => format!("SNI routes {}", hosts.join(",")),
                secret => format!("{secret} terminates {}", hosts.join(",")),
            };
            d.w.line(1, &text);
        }
    }
    d.w.line(0, "Rules:\n  Host\tPath\tBackends");
    d.w.line(1, "----\t----\t--------");
    let mut count = 0;
    for rule in list_at(ingress, "/spec/rules").iter().filter(|rule| rule.get("http").is_some()) {
        count += 1;
        let host = if str_at(rule, "/host").is_empty() { "*" } else { str_at(rule, "/host") };
        d.w.line(1, &format!("{host}\t"));
        for path in list_at(rule, "/http/paths") {
            let backend = path.get("backend").cloned().unwrap_or_default();
            let text = backend_text(d, &namespace, &backend);
            d.w.line(2, &format!("\t{} \t{text}", str_at(path, "/path")));
        }
    }
    if count == 0 {
        d.w.line(1, &format!("*\t*\t{default}"));
    }
    d.annotations("Annotations", map_at(ingress, "/metadata/annotations"));
    d.events(ingress);
    Ok(())
}

/// Describes a class of ingresses.
pub fn ingress_class(d: &mut Describer<'_, '_>, class: &Value) -> Result<(), Failure> {
    d.head(class);
    d.field("Controller", str_at(class, "/spec/controller"));
    if let Some(parameters) = class.pointer("/spec/parameters") {
        d.w.line(0, "Parameters:");
        for (title, path) in [("APIGroup", "/apiGroup"), ("Kind", "/kind"), ("Name", "/name")] {
            if path != "/apiGroup" || parameters.pointer(path).is_some() {
                d.w.line(1, &format!("{title}:\t{}", str_at(parameters, path)));
            }
        }
    }
    d.events(class);
    Ok(())
}

/// Describes a range of addresses for services.
pub fn service_range(d: &mut Describer<'_, '_>, range: &Value) -> Result<(), Failure> {
    d.head(range);
    d.field("CIDRs", joined(list_at(range, "/spec/cidrs"), ", ", ""));
    if !list_at(range, "/status/conditions").is_empty() {
        d.w.line(0, "Status:");
    }
    d.conditions(range, DATED);
    d.events(range);
    Ok(())
}

/// Describes an address of a service.
pub fn ip_address(d: &mut Describer<'_, '_>, address: &Value) -> Result<(), Failure> {
    d.head(address);
    if let Some(parent) = address.pointer("/spec/parentRef") {
        d.w.line(0, "Parent Reference:");
        for (title, path) in
            [("Group", "/group"), ("Resource", "/resource"), ("Namespace", "/namespace"), ("Name", "/name")]
        {
            d.w.line(1, &format!("{title}:\t{}", str_at(parent, path)));
        }
    }
    d.events(address);
    Ok(())
}
