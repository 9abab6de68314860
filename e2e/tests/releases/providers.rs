//! KPI providers and chats as they really are: locked, slow, silent, dead and back; what they answer, and what nobody may see.

mod chats;
mod ear;
mod few;
mod servers;
mod slow;

use serde_json::{Value, json};

/// A MetricTemplate called `name` that asks `provider` for `query`.
fn template(name: &str, provider: &Value, query: &str) -> Value {
    json!({
        "apiVersion": "flagger.app/v1beta1",
        "kind": "MetricTemplate",
        "metadata": {"name": name},
        "spec": {"provider": provider, "query": query},
    })
}

fn secret(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data})
}

/// An analysis by one template alone, whose first failed check is its last.
fn analysis(template: &str, more: &Value) -> Value {
    let template = json!({"name": template});
    let metric = json!({"name": "errors", "templateRef": template, "interval": "10s", "thresholdRange": {"max": 1}});
    let mut analysis = json!({"threshold": 1, "stepWeight": 50, "maxWeight": 50, "metrics": [metric]});
    serin::object::value::merge(&mut analysis, more);
    json!({"spec": {"analysis": analysis}})
}
