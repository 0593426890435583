//! Schemas that were made to cost, and schemas that only look so.

use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::select,
};
use serde_json::{Map, Value, json};

use super::*;

/// Both kinds: an engine of linear time takes the first three.
const PATTERNS: [&str; 6] = ["^a", "b+$", r"^\w{1,4}$", "^(?!a)", r"(.)\1", "(?<=a)b"];

fn tool(schema: &Value) -> Tool {
    Tool::new(&json!({"name": "t", "parameters": schema})).unwrap()
}

fn refusal(declared: &[Value]) -> String {
    let declared: Vec<String> = declared.iter().map(Value::to_string).collect();
    Catalog::read(declared.iter().map(String::as_str)).unwrap_err().to_string()
}

/// A schema whose `a` is the first of so many definitions; each is made with a reference to the next.
fn chain(length: usize, link: impl Fn(Value) -> Value) -> Value {
    let reference = |number: usize| json!({"$ref": format!("#/$defs/d{number}")});
    let mut defs: Map<String, Value> =
        (0..length).map(|number| (format!("d{number}"), link(reference(number + 1)))).collect();
    defs.insert(format!("d{length}"), json!({"type": "string"}));
    json!({"properties": {"a": reference(0)}, "$defs": defs})
}

#[test]
fn a_tool_that_goes_beyond_a_limit_is_named() {
    let patterns = |count: usize| {
        let properties: Map<String, Value> =
            (0..count).map(|number| (format!("p{number}"), json!({"pattern": number.to_string()}))).collect();
        json!({"name": "search", "parameters": {"properties": properties}})
    };
    assert_eq!(
        refusal(&[patterns(1000), patterns(25)]),
        "tools[1] (search): expected at most 1024 patterns in all tools"
    );
    let by_name: Map<String, Value> = (0..1025).map(|number| (number.to_string(), json!(true))).collect();
    assert_eq!(
        refusal(&[json!({"function": {"name": "a", "parameters": {"patternProperties": by_name}}})]),
        "tools[0] (a): expected at most 1024 patterns in all tools"
    );
    let all_of = vec![json!({"$ref": "#"}); 4097];
    assert_eq!(
        refusal(&[json!({"name": "b", "parameters": {"allOf": all_of}})]),
        "tools[0] (b): expected at most 4096 references in all tools"
    );
    assert_eq!(
        refusal(&[json!({"name": "c", "description": "é".repeat(600_000)})]),
        "tools[0] (c): expected at most 1048576 bytes in all tools"
    );
    assert_eq!(
        refusal(&vec![json!({"name": "d".repeat(100)}); 1025]),
        format!("tools[1024] ({}): expected at most 1024 tools in all tools", "d".repeat(64))
    );
}

#[test]
fn what_would_cost_years_is_left_unchecked() {
    let twice = |next: Value| json!({"anyOf": [next, next]});
    let looked_at_again = |next: Value| json!({"allOf": [next], "unevaluatedProperties": false});
    let with_itself = json!({"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#/properties/b"}}});
    let branches =
        json!({"anyOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}}]});
    let deep = (0..60).fold(json!(1), |inner, _| json!({"a": inner}));
    for (schema, value) in [
        (chain(60, twice), json!({"a": 1})),
        (chain(60, looked_at_again), json!({"a": {"b": 1}})),
        (with_itself, json!({"b": 1})),
        (branches, deep),
        (json!({"properties": {"a": {"pattern": "(?:a{1,9}){1,9}b"}}}), json!({"a": "a".repeat(1_000_000)})),
        (json!({"items": {"enum": vec![json!(1); 1000]}}), json!(vec![2; 10_000])),
    ] {
        let tool = tool(&schema);
        assert!(tool.differences(&value).is_empty() && tool.is_unchecked(), "{schema:.200}");
    }
}

#[test]
fn no_schema_overflows_the_stack() {
    let links: [fn(Value) -> Value; 4] = [
        |next| next,
        |next| json!({"not": next}),
        |next| json!({"properties": {"a": next}}),
        |next| json!({"allOf": [{"if": {"items": {"not": next}}}]}),
    ];
    for link in links {
        for length in [100, 240, 480, 990, 4000] {
            let nested = (0..length.min(120)).fold(json!("b"), |inner, _| json!({"a": [inner]}));
            tool(&chain(length, link)).differences(&json!({"a": nested}));
        }
    }
}

#[test]
fn what_honest_schemas_say_is_checked_whole() {
    let tree = json!({
        "properties": {"filter": {"$ref": "#/$defs/filter"}},
        "$defs": {"filter": {"anyOf": [
            {"required": ["and"], "properties": {"and": {"type": "array", "items": {"$ref": "#/$defs/filter"}}}},
            {"required": ["not"], "properties": {"not": {"$ref": "#/$defs/filter"}}},
            {"required": ["eq"], "properties": {"eq": {"type": "string", "pattern": "^[\\w-]{1,64}$"}}},
        ]}},
    });
    let tool = tool(&tree);
    let filter =
        |eq: &str| json!({"filter": {"and": [{"not": {"eq": "x"}}, {"and": vec![json!({"eq": eq}); 50]}]}});

    assert!(tool.differences(&filter("good")).is_empty());
    assert!(!tool.differences(&filter("not good")).is_empty());
    assert!(!tool.is_unchecked());
}

#[test]
fn a_pattern_that_is_not_linear_is_left_out_and_all_else_is_checked() {
    let tool = tool(&json!({"required": ["a"], "properties": {
        "a": {"type": "string", "pattern": "^(?!x)"}, "b": {"pattern": "^b"}}}));

    assert!(tool.differences(&json!({"a": "x", "b": "b"})).is_empty());
    assert_eq!(tool.differences(&json!({"a": 1})).len(), 1);
    assert_eq!(tool.differences(&json!({"a": "x", "b": "c"})).len(), 1);
    assert!(tool.is_unchecked());
}

fn a_schema() -> impl Strategy<Value = Value> {
    let pattern = || select(&PATTERNS[..]);
    let leaf = prop_oneof![
        select(vec![
            json!({}),
            json!({"type": "string"}),
            json!({"type": "object"}),
            json!({"$ref": "#/$defs/x"})
        ]),
        pattern().prop_map(|pattern| json!({"pattern": pattern})),
        select(vec!["a", "ab", "aa"]).prop_map(|value| json!({"enum": [value, {"pattern": "^(?!a)"}]})),
    ];
    leaf.prop_recursive(3, 24, 3, move |inner| {
        let keyword = || select(vec!["not", "items", "additionalProperties", "propertyNames"]);
        let several = || select(vec!["allOf", "anyOf", "oneOf"]);
        let closed = || select(vec!["additionalProperties", "unevaluatedProperties"]);
        prop_oneof![
            (keyword(), inner.clone()).prop_map(|(keyword, schema)| json!({keyword: schema})),
            (several(), vec(inner.clone(), 1..3)).prop_map(|(keyword, schemas)| json!({keyword: schemas})),
            (inner.clone(), 0..2).prop_map(|(schema, most)| json!({"contains": schema, "maxContains": most})),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(cond, then, other)| json!({"if": cond, "then": then, "else": other})),
            (btree_map(select(vec!["a", "b", "not"]), inner.clone(), 1..3), closed(), any::<bool>())
                .prop_map(|(properties, keyword, flag)| json!({"properties": properties, keyword: flag})),
            (btree_map(pattern(), inner.clone(), 1..3), closed(), any::<bool>())
                .prop_map(|(patterns, keyword, flag)| json!({"patternProperties": patterns, keyword: flag})),
        ]
    })
}

fn a_value() -> impl Strategy<Value = Value> {
    let leaf = select(vec![json!("a"), json!("ab"), json!("aa"), json!("bb"), json!(1), json!(null)]);
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map(select(vec!["a", "b", "ab", "aa", "not"]), inner, 0..3).prop_map(|members| {
                Value::Object(members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// Held against an engine that knows look-around: what is left unchecked may let a value through, and refuses none.
    #[test]
    fn no_value_is_refused_that_the_schema_takes(schema in a_schema(), defined in a_schema(), value in a_value()) {
        let schema = json!({"allOf": [schema], "$defs": {"x": defined}});
        let Ok(whole) = jsonschema::options().should_validate_formats(false).build(&schema) else {
            return Ok(());
        };
        // What names itself without an end is refused by neither.
        prop_assume!(cost::is_bearable(&schema, &value));
        let tool = tool(&schema);
        let differs = !tool.differences(&value).is_empty();
        let is_valid = whole.is_valid(&value);
        prop_assert!(!(is_valid && differs), "refused: {value} by {schema}");
        if !tool.is_unchecked() {
            prop_assert_eq!(is_valid, !differs, "{} by {}", value, schema);
        }
    }
}
