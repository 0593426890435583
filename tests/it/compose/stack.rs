//! compose.yaml, read as Compose reads it: aliases and merges followed, variables at their defaults.

use std::collections::BTreeMap;

use serde_json::Value;

use super::read;

/// All of it.
pub(super) struct Stack(Value);

/// One service.
pub(super) struct Service {
    pub(super) name: String,
    pub(super) value: Value,
}

impl Stack {
    pub(super) fn read() -> Self {
        let mut yaml: yaml_serde::Value = yaml_serde::from_str(&read("compose.yaml")).unwrap();
        yaml.apply_merge().unwrap();
        Self(defaulted(serde_json::to_value(yaml).unwrap()))
    }

    pub(super) fn services(&self) -> Vec<Service> {
        let services = self.0["services"].as_object().unwrap().iter();
        services.map(|(name, value)| Service { name: name.clone(), value: value.clone() }).collect()
    }

    pub(super) fn service(&self, name: &str) -> Service {
        let found = self.services().into_iter().find(|service| service.name == name);
        found.unwrap_or_else(|| panic!("compose.yaml has no service {name}"))
    }

    /// The names of everything of one kind: networks, secrets, volumes.
    pub(super) fn all(&self, kind: &str) -> BTreeMap<String, Value> {
        serde_json::from_value(self.0[kind].clone()).unwrap()
    }

    /// The services that are on a network.
    pub(super) fn on(&self, network: &str) -> Vec<String> {
        let services = self.services().into_iter();
        services.filter(|service| service.has("networks", network)).map(|service| service.name).collect()
    }
}

impl Service {
    /// The words of a list: networks, secrets, ports.
    pub(super) fn list(&self, key: &str) -> Vec<&str> {
        let list = self.value[key].as_array();
        list.into_iter().flatten().map(|word| word.as_str().unwrap()).collect()
    }

    pub(super) fn has(&self, key: &str, word: &str) -> bool {
        self.list(key).contains(&word)
    }

    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        let pairs = self.value["environment"].as_object();
        let pairs = pairs.into_iter().flatten();
        pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
    }
}

/// `${NAME:-default}` in every text, as it is where nothing is set.
fn defaulted(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(default_of(&text)),
        Value::Array(values) => values.into_iter().map(defaulted).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, defaulted(value))).collect(),
        other => other,
    }
}

fn default_of(text: &str) -> String {
    let Some((before, rest)) = text.split_once("${") else { return text.to_owned() };
    let (variable, after) = rest.split_once('}').expect("a variable ends");
    let (_, default) = variable.split_once(":-").expect("each variable has a default");
    format!("{before}{default}{}", default_of(after))
}
