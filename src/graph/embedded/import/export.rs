//! What Roam writes into a JSON export.
//!
//! Keys have changed over the years: `create-email` became `:create/user`, `view-type` became `:children/view-type`,
//! `refs` became `:block/refs`. Each is read under all its names. What nothing here reads is kept as it is.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::graph::markup::{Reference, references};

/// As deep as outlines may nest. Roam sets no limit; whoever reads an outline level by level has a stack that ends.
pub(super) const LEVELS: usize = 250;

/// A page or a block.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) title: Option<String>,
    pub(super) string: Option<Text>,
    pub(super) uid: Option<String>,
    pub(super) children: Vec<Node>,
    pub(super) order: Option<i64>,
    pub(super) heading: Option<i64>,
    pub(super) open: Option<bool>,
    pub(super) text_align: Option<String>,
    pub(super) children_view: Option<String>,
    pub(super) log_id: Option<i64>,
    /// Place among the shortcuts.
    pub(super) sidebar: Option<i64>,
    pub(super) created_at: Option<i64>,
    pub(super) created_by: Option<String>,
    pub(super) edited_at: Option<i64>,
    pub(super) edited_by: Option<String>,
    /// Who is named here, if more than their uid is said.
    pub(super) people: Vec<Person>,
    pub(super) extra: Map<String, Value>,
}

/// Who somebody is. The export of this program says it where they are named first; Roam's JSON says it nowhere.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) uid: String,
    pub(super) name: Option<String>,
    pub(super) extra: Map<String, Value>,
}

/// The text of a block, and what it refers to. That is found out here because the thread that stores has more to do than the
/// one that reads.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) string: String,
    pub(super) references: Vec<Reference>,
}

impl From<String> for Text {
    fn from(string: String) -> Self {
        let references = references(&string);
        Self { string, references }
    }
}

impl Node {
    /// When this or anything below it was last changed.
    pub(super) fn last_edit(&self) -> Option<i64> {
        self.children.iter().filter_map(Self::last_edit).chain(self.edited_at).max()
    }

    /// An author: an address in old exports, `{":user/uid": "…"}` in new ones.
    fn person(&mut self, value: Value) -> Option<String> {
        let mut user = match value {
            Value::String(email) => return Some(email),
            Value::Object(user) => user,
            _ => return None,
        };
        let Some(Value::String(uid)) = user.remove(":user/uid") else {
            return user.values().find_map(Value::as_str).map(str::to_owned);
        };
        let name = match user.remove(":user/display-name") {
            Some(Value::String(name)) => Some(name),
            _ => None,
        };
        if name.is_some() || !user.is_empty() {
            self.people.push(Person { uid: uid.clone(), name, extra: user });
        }
        Some(uid)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page or a block as an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut node = Node::default();
        // The oldest name of the view; a newer one beside it wins.
        let mut view_type = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "title" | ":node/title" => node.title = map.next_value()?,
                "string" | ":block/string" => node.string = map.next_value::<Option<String>>()?.map(Text::from),
                "uid" | ":block/uid" => node.uid = map.next_value()?,
                "children" | ":block/children" => node.children = map.next_value::<Option<_>>()?.unwrap_or_default(),
                "order" | ":block/order" => node.order = map.next_value()?,
                "heading" | ":block/heading" => node.heading = map.next_value()?,
                "open" | ":block/open" => node.open = map.next_value()?,
                "text-align" | ":block/text-align" => node.text_align = keyword(map.next_value()?),
                "children-view-type" | ":children/view-type" => node.children_view = keyword(map.next_value()?),
                "view-type" => view_type = keyword(map.next_value()?),
                "log-id" | ":log/id" => node.log_id = map.next_value()?,
                "sidebar" | ":page/sidebar" => node.sidebar = map.next_value()?,
                "create-time" | ":create/time" => node.created_at = map.next_value()?,
                "edit-time" | ":edit/time" => node.edited_at = map.next_value()?,
                "create-email" | "create-user" | ":create/user" => node.created_by = node.person(map.next_value()?),
                "edit-email" | "edit-user" | ":edit/user" => node.edited_by = node.person(map.next_value()?),
                // References follow from the text.
                "refs" | ":block/refs" => drop(map.next_value::<IgnoredAny>()?),
                _ => drop(node.extra.insert(key, map.next_value()?)),
            }
        }
        node.children_view = node.children_view.or(view_type);
        Ok(node)
    }
}

/// Some values are keywords of the database, written with a colon in some exports.
fn keyword(value: Option<String>) -> Option<String> {
    value.map(|word| word.strip_prefix(':').map(str::to_owned).unwrap_or(word))
}
