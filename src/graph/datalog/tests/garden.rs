//! A small graph with a bit of everything, its database, and its facts as the export has them.

use rusqlite::Connection;
use serde_json::{Value as Json, json};

use super::naive::Fact;
use crate::graph::datalog::value::Value;
use crate::graph::embedded::daily;
use crate::graph::embedded::testing::Workshop;
use crate::graph::markup::{Reference, references};

pub(super) struct Garden {
    _workshop: Workshop,
    pub(super) db: Connection,
    pub(super) facts: Vec<Fact>,
}

pub(super) fn garden() -> Garden {
    plant(&json!([
        { "title": "Garden", "uid": "garden", ":page/sidebar": 1, "create-time": 1000, "create-email": "ann@example.com", "edit-time": 1500,
          "children": [
            { "string": "Beds #planning", "uid": "beds", "heading": 2, "create-time": 2000, "edit-time": 2600, "create-email": "ann@example.com",
              ":children/view-type": ":numbered", "children": [
                { "string": "Roses need [[Soil]] and #sun", "uid": "roses", "create-time": 3000, "edit-time": 3100, "create-email": "ben@example.com", "children": [
                    { "string": "Prune in March [[Project/Roses]]", "uid": "prune", "create-time": 3300, "edit-time": 9000, "create-email": "ann@example.com" },
                    { "string": "{{[[TODO]]}} buy compost for [[Soil]]", "uid": "compost", "create-time": 3400, "edit-time": 9100 } ] },
                { "string": "Beans (climbing) [[Soil]]", "uid": "beans", "create-time": 3500, "open": false, "text-align": "center" } ] },
            { "string": "{{[[DONE]]}} sharpen the spade", "uid": "spade", "create-time": 4000, "edit-time": 4100, "create-email": "ben@example.com", ":block/props": { "color": "red" } },
            { "string": "", "uid": "blank", "create-time": 4200 } ] },
        { "title": "Soil", "uid": "soil", "create-time": 1100, "edit-time": 9500, "create-email": "ann@example.com", "children": [
            { "string": "pH of 6.5, measured in the [[Garden]]", "uid": "ph", "heading": 3, "create-time": 5000, "create-email": "ann@example.com" },
            { "string": "See ((roses)) and ((ph))", "uid": "see", "create-time": 5100 },
            { "string": "Status:: [[Done well]]", "uid": "status", "create-time": 5200 },
            { "string": "TODO without brackets", "uid": "plain", "create-time": 5300 } ] },
        { "title": "Project/Roses", "uid": "project", ":page/sidebar": 0, "create-time": 1200, "children": [
            { "string": "Due:: [[August 4th, 2026]]", "uid": "due", "create-time": 6000 },
            { "string": "Owner:: [[Ann]]", "uid": "owner", "create-time": 6100, "heading": 1 } ] },
        { "title": "August 3rd, 2026", "uid": "08-03-2026", "create-time": 1300, "children": [
            { "string": "Visit the café with [[Ann]]", "uid": "cafe", "create-time": 7000, "children": [
                { "string": "the Café was closed, see [[Soil]]", "uid": "closed", "create-time": 7100 } ] } ] },
        { "title": "August 4th, 2026", "uid": "08-04-2026", "create-time": 1400, "children": [
            { "string": "Roses again: [[Project/Roses]] #sun", "uid": "again", "create-time": 8000, "create-email": "ben@example.com" },
            { "string": "https://example.com/roses", "uid": "link", "create-time": 8100 } ] },
        { "title": "Ann", "uid": "annpage", "create-time": 1450 },
        { "title": "Empty page", "uid": "empty", "create-time": 1460 },
    ]))
}

/// Imports an export, and works out its facts on its own.
pub(super) fn plant(export: &Json) -> Garden {
    let workshop = Workshop::with(export.to_string().as_bytes());
    workshop.import().unwrap();
    let db = Connection::open(workshop.database()).unwrap();
    let id = |sql: &str, key: &str| db.query_row(sql, [key], |row| row.get::<_, i64>(0)).ok();
    let by_uid = |uid: &str| id("SELECT id FROM node WHERE uid = ?1", uid);
    let by_title = |title: &str| id("SELECT id FROM node WHERE text = ?1 AND parent IS NULL", title);
    let mut facts = Vec::new();
    let mut mentioned = std::collections::BTreeSet::new();
    let mut stack: Vec<(Json, Vec<i64>, i64)> =
        export.as_array().unwrap().iter().map(|page| (page.clone(), Vec::new(), 0)).collect();
    while let Some((node, above, order)) = stack.pop() {
        let uid = node["uid"].as_str().unwrap();
        let me = by_uid(uid).unwrap();
        let mut add = |name: &'static str, value: Value| facts.push((me, name, value));
        add("block/uid", Value::text(uid));
        if let Some(title) = node["title"].as_str() {
            add("node/title", Value::text(title));
            let day = node.get(":log/id").and_then(Json::as_i64);
            let day = day.or_else(|| daily::from_title(title).and_then(daily::log_id));
            day.into_iter().for_each(|day| add("log/id", Value::Int(day)));
            node[":page/sidebar"].as_i64().into_iter().for_each(|place| add("page/sidebar", Value::Int(place)));
        } else {
            let text = node["string"].as_str().unwrap();
            add("block/string", Value::text(text));
            add("block/order", Value::Int(order));
            add("block/open", Value::Bool(node["open"].as_bool().unwrap_or(true)));
            add("block/page", Value::Int(above[0]));
            above.iter().for_each(|parent| add("block/parents", Value::Int(*parent)));
            for reference in references(text) {
                let target = match &reference {
                    Reference::Page(title) => {
                        mentioned.insert(title.clone());
                        by_title(title)
                    }
                    Reference::Block(uid) => by_uid(uid),
                };
                target.into_iter().for_each(|target| add("block/refs", Value::Int(target)));
            }
            node["heading"].as_i64().into_iter().for_each(|level| add("block/heading", Value::Int(level)));
        }
        let numbers: [(&str, &'static str); 2] = [("create-time", "create/time"), ("edit-time", "edit/time")];
        for (key, name) in numbers {
            // The edit of a page is the last one on it.
            let time = if name == "edit/time" && above.is_empty() { last_edit(&node) } else { node[key].as_i64() };
            time.into_iter().for_each(|time| add(name, Value::Int(time)));
            if name == "edit/time" && above.is_empty() {
                time.into_iter().for_each(|time| add("page/edit-time", Value::Int(time)));
            }
        }
        node["text-align"].as_str().into_iter().for_each(|align| add("block/text-align", Value::text(align)));
        let view = node[":children/view-type"].as_str();
        view.into_iter().for_each(|view| add("children/view-type", Value::keyword(&view[1..])));
        if let Some(props) = node.get(":block/props") {
            add("block/props", Value::from_json(props));
        }
        if let Some(name) = node["create-email"].as_str() {
            add("create/email", Value::text(name));
            add("create/user", Value::Int(person(name)));
        }
        let path: Vec<i64> = above.iter().copied().chain([me]).collect();
        for (order, child) in (0..).zip(node["children"].as_array().into_iter().flatten()) {
            facts.push((me, "block/children", Value::Int(by_uid(child["uid"].as_str().unwrap()).unwrap())));
            stack.push((child.clone(), path.clone(), order));
        }
    }
    for title in mentioned {
        let me = by_title(&title).unwrap();
        if !facts.iter().any(|fact| fact.0 == me) {
            let uid: String = db.query_row("SELECT uid FROM node WHERE id = ?1", [me], |row| row.get(0)).unwrap();
            facts.push((me, "block/uid", Value::text(&uid)));
            facts.push((me, "node/title", Value::text(&title)));
            let day = daily::from_title(&title).and_then(daily::log_id);
            day.into_iter().for_each(|day| facts.push((me, "log/id", Value::Int(day))));
        }
    }
    let names: std::collections::BTreeSet<Value> =
        facts.iter().filter(|fact| fact.1 == "create/email").map(|fact| fact.2.clone()).collect();
    for name in names {
        let me = person(name.as_text().unwrap());
        facts.extend(["user/uid", "user/display-name", "user/email"].map(|attribute| (me, attribute, name.clone())));
    }
    Garden { _workshop: workshop, db, facts }
}

fn last_edit(node: &Json) -> Option<i64> {
    let below = node["children"].as_array().into_iter().flatten().filter_map(last_edit);
    below.chain(node["edit-time"].as_i64()).max()
}

/// The number that the database gives a person.
fn person(name: &str) -> i64 {
    crate::graph::datalog::people::number(name)
}
