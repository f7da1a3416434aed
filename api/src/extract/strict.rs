//! A stricter serde: objects for structs (serde also takes arrays), no control, bidi-override or zero-width
//! characters in any text, and a JSON pointer to whatever is wrong.

use std::fmt;

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

use super::words;
use crate::problem::Problem;

/// Reads a JSON document into `T`.
///
/// # Errors
/// 400 when it isn't JSON, 422 with the field's pointer when it isn't a `T`.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let mut track = serde_path_to_error::Track::new();
    let value = T::deserialize(Strict(serde_path_to_error::Deserializer::new(&mut reader, &mut track)));
    match value {
        Ok(value) => match reader.end() {
            Ok(()) => Ok(value),
            Err(_) => Err(Problem::malformed(
                "the JSON document goes on after its end",
                "После конца JSON есть лишнее",
            )),
        },
        Err(error) if error.is_data() => {
            let message = error.to_string();
            let words = words::of_serde(&message);
            let pointer = pointer_to_named(pointer(&track.path()), &message);
            Err(Problem::invalid_field(pointer, words.en, words.ru))
        }
        // Of a number where one of some words should be, serde_json says that it is no JSON at all.
        Err(_) if serde_json::from_slice::<serde_json::Value>(bytes).is_ok() => {
            let told = "is of another kind";
            Err(Problem::invalid_field(pointer(&track.path()), told, "это значение другого вида"))
        }
        Err(error) => Err(Problem::malformed(
            format!("not JSON: line {}, column {}", error.line(), error.column()),
            format!("это не JSON: строка {}, позиция {}", error.line(), error.column()),
        )),
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold("#".to_owned(), |mut pointer, segment| {
        pointer.push('/');
        match segment {
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Map { key } => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => pointer.push_str(variant),
            Segment::Unknown => pointer.push('?'),
        }
        pointer
    })
}

/// A field that is missing, unknown or doubled is named by the message alone: its pointer ends there too.
fn pointer_to_named(mut pointer: String, message: &str) -> String {
    let named = ["missing field `", "unknown field `", "duplicate field `"]
        .iter()
        .find_map(|kind| message.strip_prefix(kind))
        .and_then(|rest| rest.split('`').next());
    if let Some(name) = named
        && pointer.rsplit('/').next() != Some(name)
    {
        pointer.push('/');
        pointer.extend(name.chars().filter(|c| !c.is_control() && !matches!(c, '~' | '/')).take(64));
    }
    pointer
}

/// Why a text is refused wherever it stands.
fn refused(text: &str) -> Option<&'static str> {
    let mut marks = 0_u32;
    for c in text.chars() {
        match c {
            '\n' | '\t' | '\r' => {}
            c if c.is_control() => return Some("contains a control character"),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => {
                return Some("contains a text-direction override");
            }
            '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => {
                return Some("contains a zero-width character");
            }
            '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' => marks += 1,
            _ => {}
        }
    }
    (marks > 64).then_some("contains too many combining marks")
}

/// How serde_json calls a `RawValue`.
const RAW: &str = "$serde_json::private::RawValue";

struct Strict<T>(T);

macro_rules! forward {
    ($($method:ident),+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            self.0.$method(Strict(visitor))
        })+
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
    type Error = D::Error;

    forward!(
        deserialize_any,
        deserialize_bool,
        deserialize_i8,
        deserialize_i16,
        deserialize_i32,
        deserialize_i64,
        deserialize_i128,
        deserialize_u8,
        deserialize_u16,
        deserialize_u32,
        deserialize_u64,
        deserialize_u128,
        deserialize_f32,
        deserialize_f64,
        deserialize_char,
        deserialize_str,
        deserialize_string,
        deserialize_bytes,
        deserialize_byte_buf,
        deserialize_option,
        deserialize_unit,
        deserialize_seq,
        deserialize_map,
        deserialize_identifier,
        deserialize_ignored_any
    );

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_unit_struct(name, Strict(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        // What is taken as it stands is read by itself, and as strictly, by whoever took it.
        if name == RAW {
            return self.0.deserialize_newtype_struct(name, visitor);
        }
        self.0.deserialize_newtype_struct(name, Strict(visitor))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(len, Strict(visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, len, Strict(visitor))
    }

    /// A struct is an object and nothing else: serde_json would also take an array of its fields.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Strict(visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, Strict(visitor))
    }
}

macro_rules! visit {
    ($($method:ident: $type:ty),+) => {
        $(fn $method<E: de::Error>(self, value: $type) -> Result<V::Value, E> { self.0.$method(value) })+
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Strict<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    visit!(
        visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128, visit_f64: f64,
        visit_bytes: &[u8]
    );

    fn visit_str<E: de::Error>(self, text: &str) -> Result<V::Value, E> {
        refused(text).map_or(Ok(()), |why| Err(E::custom(why)))?;
        self.0.visit_str(text)
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<V::Value, E> {
        refused(text).map_or(Ok(()), |why| Err(E::custom(why)))?;
        self.0.visit_borrowed_str(text)
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<V::Value, E> {
        refused(&text).map_or(Ok(()), |why| Err(E::custom(why)))?;
        self.0.visit_string(text)
    }

    fn visit_none<E: de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Strict(deserializer))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Strict(deserializer))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Strict(seq))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Strict(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Strict(data))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.0.next_element_seed(Strict(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.0.next_value_seed(Strict(seed))
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Strict<A> {
    type Error = A::Error;
    type Variant = Strict<A::Variant>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant), A::Error> {
        self.0.variant_seed(seed).map(|(value, variant)| (value, Strict(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        self.0.newtype_variant_seed(Strict(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(len, Strict(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, Strict(visitor))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Strict<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Strict(deserializer))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::from_slice;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Line {
        sku: String,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Body {
        name: String,
        lines: Option<Vec<Line>>,
    }

    fn refusal(json: &str) -> (u16, String) {
        let problem = from_slice::<Body>(json.as_bytes()).unwrap_err();
        let body = problem.body(crate::problem::Language::English);
        (body.status, body.errors.first().map(|e| e.pointer.clone()).unwrap_or_default())
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "snake_case")]
    enum Kind {
        Virtual,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Choice {
        kind: Option<Kind>,
        taken: Option<Box<serde_json::value::RawValue>>,
    }

    #[test]
    fn a_word_of_another_kind_is_told_where_it_stands() {
        for wrong in ["true", "7", "[\"virtual\"]", "\"plastic\""] {
            let json = format!("{{\"kind\": {wrong}}}");
            let body = from_slice::<Choice>(json.as_bytes()).unwrap_err();
            let body = body.body(crate::problem::Language::English);
            assert_eq!((body.status, body.errors[0].pointer.as_str()), (422, "#/kind"), "{wrong}");
        }
        let right: Choice = from_slice(br#"{"kind": "virtual"}"#).unwrap();
        assert!(matches!(right.kind, Some(Kind::Virtual)));
        assert_eq!(from_slice::<Choice>(b"{\"kind\": tru}").unwrap_err().status().as_u16(), 400);
    }

    #[test]
    fn what_is_taken_as_it_stands_is_judged_by_whoever_took_it() {
        let taken: Choice = from_slice("{\"taken\": {\"name\": \"a\u{202e}\"}}".as_bytes()).unwrap();
        let text = taken.taken.unwrap();
        assert_eq!(refusal(text.get()), (422, "#/name".to_owned()));
    }

    #[test]
    fn takes_what_is_right() {
        let body: Body = from_slice(br#" {"name":"O'Brien <script>","lines":[{"sku":"1"}]} "#).unwrap();
        assert_eq!(body.lines.unwrap(), [Line { sku: "1".into() }]);
    }

    #[test]
    fn points_at_what_is_wrong() {
        assert_eq!(refusal("[\"x\",null]"), (422, "#".into()), "an array is no object");
        assert_eq!(refusal(r#"{"name":"x","lines":[["1"]]}"#), (422, "#/lines/0".into()), "nor inside");
        assert_eq!(refusal(r#"{"name":"x","more":1}"#).0, 422, "an unknown field");
        assert_eq!(refusal(r#"{"name":"x","name":"y"}"#).0, 422, "a field twice");
        assert_eq!(refusal(r#"{"name":"a\u0000b"}"#), (422, "#/name".into()));
        assert_eq!(refusal(r#"{"name":"a\u202eb"}"#), (422, "#/name".into()));
        assert_eq!(refusal(r#"{"name":"a\u200bb"}"#), (422, "#/name".into()));
        assert_eq!(refusal(r#"{"name":"x"} x"#).0, 400, "something after the end");
        assert_eq!(refusal(r#"{"name":"\ud800"}"#).0, 400, "a lone surrogate");
        assert_eq!(refusal(r#"{"name":"#).0, 400);
        assert_eq!(refusal(r#"{"name":"x","lines":[{"sku":"1"}"#).0, 400, "unclosed");
        let deep = format!("{{\"name\":\"x\",\"lines\":{}", "[".repeat(200));
        assert_eq!(
            refusal(&deep),
            (422, "#/lines/0".into()),
            "depth ends at the first array that should be an object"
        );
    }
}
