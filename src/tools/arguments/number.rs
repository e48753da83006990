//! Numbers as clients send them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// A number, also when a client wrote it as a string.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(in crate::tools) struct Number(serde_json::Number);

/// From here on not every whole number is one in JavaScript, nor in a float of ours.
const TOO_LARGE: f64 = 9_007_199_254_740_992.0;

impl Number {
    /// A whole number is one however it is written: to JavaScript, and so to Roam, 5.0 is 5.
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and far from the ends of i64")]
    fn new(number: serde_json::Number) -> Self {
        match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < TOO_LARGE => {
                Self((float as i64).into())
            }
            _ => Self(number),
        }
    }
}

impl From<u32> for Number {
    fn from(value: u32) -> Self {
        Self(value.into())
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Number(number) => Ok(Self::new(number)),
            Value::String(text) => match text.trim().parse() {
                Ok(number) => Ok(Self::new(number)),
                Err(_) => Err(D::Error::custom(format!("expected a number, not {text:?}"))),
            },
            other => Err(D::Error::custom(format!("expected a number, not {other}"))),
        }
    }
}

impl JsonSchema for Number {
    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

/// A whole number, at least `LEAST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(in crate::tools) struct Whole<const LEAST: u64>(u64);

impl<'de, const LEAST: u64> Deserialize<'de> for Whole<LEAST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Number(number) = Number::deserialize(deserializer)?;
        match number.as_u64() {
            Some(whole) if whole >= LEAST => Ok(Self(whole)),
            _ => Err(D::Error::custom(format!("expected a whole number from {LEAST} up, not {number}"))),
        }
    }
}

impl<const LEAST: u64> JsonSchema for Whole<LEAST> {
    fn schema_name() -> Cow<'static, str> {
        format!("Whole{LEAST}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": LEAST })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn a_whole_number_is_whole_however_it_is_written() {
        for five in [json!(5), json!(5.0), json!("5"), json!(" 5.0 "), json!("5e0")] {
            assert_eq!(json!(from_value::<Number>(five.clone()).unwrap()), json!(5), "{five}");
            assert_eq!(json!(from_value::<Whole<1>>(five.clone()).unwrap()), json!(5), "{five}");
        }
        assert_eq!(json!(from_value::<Whole<0>>(json!(-0.0)).unwrap()), json!(0));
        assert_eq!(json!(from_value::<Number>(json!(1.5)).unwrap()), json!(1.5));
        assert_eq!(json!(from_value::<Number>(json!(1e300)).unwrap()), json!(1e300));
        for bad in [json!(1.5), json!(0), json!(-1.0), json!("x"), json!(1e300), json!(true), json!(null)] {
            assert!(from_value::<Whole<1>>(bad.clone()).is_err(), "{bad}");
        }
    }
}
