//! A module's `Args` out of its checked arguments, without the way through `serde_json`'s own values.

use std::fmt::Display;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Error, Expected, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use crate::pytext;
use crate::value::Value;

/// Why `Args` does not take a value.
#[derive(Debug)]
pub struct Mismatch(String);

impl Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mismatch {}

impl Error for Mismatch {
    fn custom<T: Display>(message: T) -> Mismatch {
        Mismatch(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Mismatch {
        // Serde's own words print floats too, which is 15 KB.
        Mismatch(format!("{expected} is expected"))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Mismatch {
        Mismatch::invalid_type(found, expected)
    }
}

impl IntoDeserializer<'_, Mismatch> for Value {
    type Deserializer = Value;

    fn into_deserializer(self) -> Value {
        self
    }
}

/// Why a value is not what a field is made of.
fn expected<T>(what: &str, found: &Value) -> Result<T, Mismatch> {
    Err(Mismatch(format!("{what} is expected, not {}", pytext::repr(found))))
}

impl Value {
    fn whole<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self {
            Value::Int(value) => visitor.visit_i64(value),
            Value::BigInt(digits) => match digits.parse() {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => expected("an integer of 64 bits", &Value::BigInt(digits)),
            },
            other => expected("an integer", &other),
        }
    }

    /// JSON has no `NaN` and no infinity: they become null.
    fn any_number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self {
            Value::Float(float) if float.is_finite() => visitor.visit_f64(float.to_f64()),
            Value::Float(_) => visitor.visit_unit(),
            Value::BigInt(digits) if digits.parse::<u64>().is_err() => {
                visitor.visit_f64(digits.parse().unwrap_or(f64::NAN))
            }
            other => other.whole(visitor),
        }
    }
}

/// The methods for one kind of value.
macro_rules! by {
    ($visit:expr; $($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            $visit(self, visitor)
        })*
    };
}

/// A visitor is shown the one kind of value that its type is made of. Showing it whatever there is would
/// be shorter here, and longer in each module by the derived code for all other kinds.
impl<'de> Deserializer<'de> for Value {
    type Error = Mismatch;

    by! { Value::whole; deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
    deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 }
    by! { Value::any_number; deserialize_f32 deserialize_f64 }

    /// What takes any value, such as an option of type `raw`, is shown the digits of a float as text
    /// ([`crate::Module::AS_JSON`]).
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self {
            Value::None => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Float(float) => visitor.visit_str(float.as_str()),
            Value::BigInt(digits) if digits.parse::<u64>().is_err() => visitor.visit_string(digits),
            Value::Int(_) | Value::BigInt(_) => self.whole(visitor),
            Value::Str(_) => self.deserialize_string(visitor),
            Value::List(_) => self.deserialize_seq(visitor),
            Value::Dict(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self {
            Value::Bool(value) => visitor.visit_bool(value),
            other => expected("a boolean", &other),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self {
            Value::Str(text) => visitor.visit_string(text),
            other => expected("text", &other),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self {
            Value::List(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter())),
            other => expected("a list", &other),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self {
            Value::Dict(items) => visitor.visit_map(MapDeserializer::new(items.into_entries())),
            other => expected("a mapping", &other),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self {
            Value::None => visitor.visit_unit(),
            other => expected("null", &other),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self {
            Value::None => visitor.visit_none(),
            some => visitor.visit_some(some),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self {
            Value::Str(name) => visitor.visit_enum(name.into_deserializer()),
            other => expected("one of the choices", &other),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        char str bytes byte_buf unit_struct tuple tuple_struct identifier
    }
}
