//! The OpenAPI document as a judge: every answer that a [`Client`](crate::Client) gets is held against what the document
//! says of its route and status: JSON field by field, anything else by its kind, an empty one by being told of.

use std::sync::LazyLock;

use serde_json::{Map, Value};

/// The document, read once a test run.
static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(&unioncard::openapi::json()).expect("the document is JSON");
    let paths = document["paths"].as_object().expect("it has paths");
    let mut routes: Vec<Vec<String>> = paths.keys().map(|path| segments(path)).collect();
    // Where two fit, the one with fewer parameters is meant.
    routes.sort_by_key(|segments| segments.iter().filter(|segment| segment.contains('{')).count());
    Contract { routes, document }
});

struct Contract {
    routes: Vec<Vec<String>>,
    document: Value,
}

fn segments(path: &str) -> Vec<String> {
    path.split('/').map(str::to_owned).collect()
}

/// `{id}`, `{id}.pdf`, or the segment itself.
fn fits_segment(told: &str, asked: &str) -> bool {
    match (told.split_once('{'), told.rsplit_once('}')) {
        (Some((before, _)), Some((_, after))) => {
            asked.len() > before.len() + after.len() && asked.starts_with(before) && asked.ends_with(after)
        }
        _ => told == asked,
    }
}

impl Contract {
    /// What the document says of a request, if it knows its route.
    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let asked = segments(path.split('?').next().unwrap_or_default());
        let fits = |told: &&Vec<String>| {
            told.len() == asked.len()
                && told.iter().zip(&asked).all(|(told, asked)| fits_segment(told, asked))
        };
        let path = self.routes.iter().find(fits)?.join("/");
        self.document["paths"][&path].get(method.to_lowercase())
    }
}

/// Whether the document tells of this status at a route (`GET /v1/me`, parameters in braces).
pub fn is_documented(route: &str, status: u16) -> bool {
    let (method, path) = route.split_once(' ').expect("a route is a method and a path");
    let operation = &CONTRACT.document["paths"][path][method.to_lowercase()];
    !operation["responses"][status.to_string()].is_null()
}

/// What of an answer the document doesn't tell. Any route may refuse with any problem; everything else is told.
pub fn misfits(method: &str, path: &str, status: u16, kind: &str, body: &[u8]) -> Vec<String> {
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let Some(operation) = CONTRACT.operation(method, path) else { return Vec::new() };
    let response = &operation["responses"][status.to_string()];
    if body.is_empty() {
        return response
            .is_null()
            .then(|| format!("{status} without a body is not documented"))
            .into_iter()
            .collect();
    }
    if !matches!(kind, "application/json" | "application/problem+json") {
        let told = response["content"].get(kind).is_some();
        return (!told).then(|| format!("{status} with {kind} is not documented")).into_iter().collect();
    }
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return vec!["is no JSON".to_owned()] };
    let problem = &CONTRACT.document["components"]["schemas"]["Problem"];
    let schema = match &response["content"][kind]["schema"] {
        Value::Null if response.is_null() && kind == "application/problem+json" => problem,
        Value::Null => return vec![format!("{status} with {kind} is not documented")],
        schema => schema,
    };
    let mut found = Vec::new();
    compare(&CONTRACT.document, schema, &value, "", &mut found);
    found
}

/// Follows `$ref`s.
fn resolved<'a>(document: &'a Value, mut schema: &'a Value) -> &'a Value {
    while let Some(reference) = schema["$ref"].as_str() {
        let place = reference.strip_prefix('#').expect("references stay within the document");
        schema = document.pointer(place).expect("references lead somewhere");
    }
    schema
}

/// What of a value does not fit its schema: types, values, required fields and fields the schema doesn't know.
fn compare(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let schema = resolved(document, schema);
    if let Some(parts) = schema["allOf"].as_array() {
        compare_parts(document, parts, value, at, found);
        return;
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = choices.iter().any(|choice| {
            let mut of_choice = Vec::new();
            compare(document, choice, value, at, &mut of_choice);
            of_choice.is_empty()
        });
        if !fits {
            found.push(format!("{at}: {value} fits none of the choices"));
        }
        return;
    }
    if !fits_type(&schema["type"], value) {
        found.push(format!("{at}: {value} is not {}", schema["type"]));
        return;
    }
    if schema["enum"].as_array().is_some_and(|values| !value.is_null() && !values.contains(value)) {
        found.push(format!("{at}: {value} is none of {}", schema["enum"]));
    }
    for item in value.as_array().into_iter().flatten() {
        compare(document, &schema["items"], item, &format!("{at}[]"), found);
    }
    if let Some(fields) = value.as_object() {
        compare_fields(document, schema, fields, at, found);
    }
}

const UNKNOWN: &str = " is not documented";

/// A flattened part knows nothing of the others' fields: a field is undocumented where no part knows it, or what holds it.
fn compare_parts(document: &Value, parts: &[Value], value: &Value, at: &str, found: &mut Vec<String>) {
    let by_part: Vec<Vec<String>> = parts
        .iter()
        .map(|part| {
            let mut of_part = Vec::new();
            compare(document, part, value, at, &mut of_part);
            of_part
        })
        .collect();
    let unknown_to = |part: &[String], field: &str| {
        let mut unknown = part.iter().filter_map(|misfit| misfit.strip_suffix(UNKNOWN));
        unknown.any(|holder| {
            field == holder || field.strip_prefix(holder).is_some_and(|rest| rest.starts_with(['.', '[']))
        })
    };
    let mut told: Vec<&String> = by_part
        .iter()
        .flatten()
        .filter(|misfit| {
            misfit
                .strip_suffix(UNKNOWN)
                .is_none_or(|field| by_part.iter().all(|part| unknown_to(part, field)))
        })
        .collect();
    told.sort();
    told.dedup();
    found.extend(told.into_iter().cloned());
}

fn fits_type(told: &Value, value: &Value) -> bool {
    let kinds: Vec<&str> = match told {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return true,
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    kinds.contains(&kind) || kind == "integer" && kinds.contains(&"number")
}

fn compare_fields(
    document: &Value,
    schema: &Value,
    fields: &Map<String, Value>,
    at: &str,
    found: &mut Vec<String>,
) {
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            found.push(format!("{at}.{name} is missing"));
        }
    }
    let (known, others) = (schema["properties"].as_object(), &schema["additionalProperties"]);
    for (name, field) in fields {
        match known.and_then(|known| known.get(name)) {
            Some(property) => compare(document, property, field, &format!("{at}.{name}"), found),
            None if others.is_object() => compare(document, others, field, &format!("{at}.{name}"), found),
            None if known.is_some() => found.push(format!("{at}.{name}{UNKNOWN}")),
            None => {}
        }
    }
}
