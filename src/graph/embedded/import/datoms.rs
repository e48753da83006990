//! The EDN export: Roam's database as a list of facts, `[entity attribute value transaction]`.
//!
//! The facts are put into temporary tables first, because what is on a page stands all over the file. Then the pages
//! are built one by one, as they come out of the JSON export.

use std::io::BufRead;

use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};
use serde_json::{Map, Value};

use super::edn::{Edn, trouble};
use super::export::{Node, Text};
use super::load::{Loader, Problem};
use crate::graph::embedded::store::DEEPEST;

/// The attributes that are read, each with its column. What else there is goes into `extra`.
const COLUMNS: [(&str, &str); 16] = [
    (":block/uid", "uid"),
    (":node/title", "title"),
    (":block/string", "string"),
    (":block/order", "ord"),
    (":block/heading", "heading"),
    (":block/open", "open"),
    (":block/text-align", "align"),
    (":children/view-type", "view"),
    (":log/id", "log"),
    (":page/sidebar", "sidebar"),
    (":create/time", "created"),
    (":create/user", "creator"),
    (":edit/time", "edited"),
    (":edit/user", "editor"),
    (":user/uid", "person"),
    (":user/display-name", "name"),
];
/// What follows from the rest, or names entities by numbers that nothing has here.
const LEFT_OUT: [&str; 9] = [
    ":block/refs",
    ":block/parents",
    ":block/page",
    ":attrs/lookup",
    ":entity/attrs",
    ":create/seen-by",
    ":edit/seen-by",
    ":page/edit-user",
    ":user/display-page",
];
/// How often progress is reported, in facts.
const STRIDE: u64 = 10_000;

/// The facts of an export, in temporary tables.
pub(super) struct Datoms;

impl Datoms {
    /// Reads the export to its end.
    pub(super) fn read<R: BufRead>(
        db: &Connection,
        edn: &mut Edn<R>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, Problem> {
        let columns: Vec<&str> = COLUMNS.iter().map(|(_, column)| *column).collect();
        db.execute_batch(&format!(
            "CREATE TEMP TABLE entity (e INTEGER PRIMARY KEY, {}, extra); CREATE TEMP TABLE child (e INTEGER PRIMARY KEY, parent);",
            columns.join(", ")
        ))?;
        edn.open(b'{')?;
        let mut found = false;
        while !edn.closes(b'}')? {
            if edn.value()? == ":datoms" {
                found = true;
                datoms(db, edn, progress)?;
            } else {
                edn.value()?;
            }
        }
        edn.end()?;
        if !found {
            return Err(trouble("there are no `:datoms` in it"));
        }
        db.execute_batch("CREATE INDEX temp.child_parent ON child(parent)")?;
        Ok(Self)
    }

    /// Gives the pages to the loader. `last` is the title of the last one that was taken.
    pub(super) fn pages(self, loader: &mut Loader<'_>, last: &mut Option<String>) -> Result<(), Problem> {
        let db = loader.db;
        let mut pages = db.prepare("SELECT * FROM entity WHERE title IS NOT NULL ORDER BY e")?;
        let mut rows = pages.query([])?;
        let mut found = 0;
        while let Some(row) = rows.next()? {
            let mut page = node(db, row)?;
            page.children = children(db, row.get(0)?, 0)?;
            found += page.children.iter().map(strings).sum::<u64>();
            let title = page.title.clone();
            loader.page(page)?;
            *last = title;
        }
        drop(rows);
        drop(pages);
        let written: i64 =
            db.query_row("SELECT count(*) FROM entity WHERE string IS NOT NULL AND title IS NULL", [], |row| {
                row.get(0)
            })?;
        loader.astray = written.cast_unsigned().saturating_sub(found);
        db.execute_batch(
            "INSERT OR REPLACE INTO user(uid, name, extra) SELECT person, name, extra FROM entity WHERE person IS NOT NULL;
             DROP TABLE entity; DROP TABLE child;",
        )?;
        Ok(())
    }
}

/// Reads the list of facts.
fn datoms<R: BufRead>(db: &Connection, edn: &mut Edn<R>, progress: &mut dyn FnMut(u64)) -> Result<(), Problem> {
    // The same fact may stand there twice.
    let mut below = db.prepare(
        "INSERT INTO child(e, parent) VALUES (?1, ?2) ON CONFLICT(e) DO UPDATE SET e = e WHERE parent = excluded.parent",
    )?;
    // The facts of one entity stand together, as a rule.
    let mut current: Option<Entity> = None;
    let (mut count, mut blocks) = (0_u64, 0);
    edn.open(b'[')?;
    while !edn.closes(b']')? {
        let Value::Array(fact) = edn.value()? else { return Err(trouble("a fact is a list")) };
        let [entity, Value::String(attribute), value, ..] = fact.as_slice() else {
            return Err(trouble("a fact is `[entity attribute value transaction]`"));
        };
        let entity = entity.as_i64().ok_or_else(|| trouble("an entity is a number"))?;
        if attribute == ":block/children" {
            let child = value.as_i64().ok_or_else(|| trouble("a child is a number"))?;
            if below.execute([child, entity])? == 0 {
                return Err(trouble(format!("the entity {child} is below two others")));
            }
        } else if !LEFT_OUT.contains(&attribute.as_str()) {
            if current.as_ref().is_none_or(|current| current.id != entity)
                && let Some(done) = current.replace(Entity::new(entity))
            {
                store(db, done)?;
            }
            if let Some(current) = &mut current {
                current.add(attribute, value);
            }
            blocks += u64::from(attribute == ":block/string");
        }
        count += 1;
        if count.is_multiple_of(STRIDE) {
            progress(blocks);
        }
    }
    current.map_or(Ok(()), |done| store(db, done))
}

/// Facts of one entity.
struct Entity {
    id: i64,
    values: Vec<Option<Value>>,
    extra: Map<String, Value>,
}

impl Entity {
    fn new(id: i64) -> Self {
        Self { id, values: vec![None; COLUMNS.len()], extra: Map::new() }
    }

    fn add(&mut self, attribute: &str, value: &Value) {
        match COLUMNS.iter().position(|(name, _)| *name == attribute) {
            Some(column) => self.values[column] = Some(value.clone()),
            None => drop(self.extra.insert(attribute.to_owned(), value.clone())),
        }
    }
}

fn store(db: &Connection, entity: Entity) -> Result<(), Problem> {
    use rusqlite::types::Value as Cell;
    let cell = |value: Option<Value>| match value {
        None | Some(Value::Null) => Cell::Null,
        Some(Value::String(text)) => Cell::Text(text),
        Some(Value::Bool(flag)) => Cell::Integer(flag.into()),
        Some(Value::Number(number)) => match number.as_i64() {
            Some(number) => Cell::Integer(number),
            None => Cell::Real(number.as_f64().unwrap_or_default()),
        },
        Some(other) => Cell::Text(other.to_string()),
    };
    let columns: Vec<&str> = COLUMNS.iter().map(|(_, column)| *column).collect();
    let marks = ", ?".repeat(COLUMNS.len());
    let merged: Vec<String> =
        columns.iter().map(|column| format!("{column} = coalesce(excluded.{column}, {column})")).collect();
    let sql = format!(
        "INSERT INTO entity(e, {}, extra) VALUES (?{marks}, ?)
         ON CONFLICT(e) DO UPDATE SET {}, extra = json_patch(coalesce(extra, '{{}}'), coalesce(excluded.extra, '{{}}'))",
        columns.join(", "),
        merged.join(", ")
    );
    let extra = (!entity.extra.is_empty()).then(|| Value::Object(entity.extra));
    let cells = std::iter::once(Cell::Integer(entity.id)).chain(entity.values.into_iter().chain([extra]).map(cell));
    db.prepare_cached(&sql)?.execute(params_from_iter(cells))?;
    Ok(())
}

/// The blocks below a page or block.
fn children(db: &Connection, parent: i64, depth: i64) -> Result<Vec<Node>, Problem> {
    if depth > DEEPEST {
        // A block that is below itself would have no end.
        return Err(trouble(format!("blocks nest deeper than {DEEPEST} levels")));
    }
    let ids: Vec<i64> = db
        .prepare_cached(
            "SELECT child.e FROM child JOIN entity ON entity.e = child.e WHERE child.parent = ?1 ORDER BY ord",
        )?
        .query_map([parent], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut nodes = Vec::new();
    for id in ids {
        let block = db.prepare_cached("SELECT * FROM entity WHERE e = ?1")?.query_row([id], |row| Ok(node(db, row)))?;
        let mut block = block?;
        block.children = children(db, id, depth + 1)?;
        nodes.push(block);
    }
    Ok(nodes)
}

/// A page or block without its children. A value of an unexpected kind counts as absent.
fn node(db: &Connection, row: &Row<'_>) -> Result<Node, Problem> {
    let text = |column: &str| row.get::<_, Option<String>>(column).ok().flatten();
    let number = |column: &str| row.get::<_, Option<i64>>(column).ok().flatten();
    let word = |column: &str| text(column).map(|word| word.trim_start_matches(':').to_owned());
    let extra = text("extra").and_then(|extra| serde_json::from_str(&extra).ok()).unwrap_or_default();
    Ok(Node {
        title: text("title"),
        string: text("string").map(Text::from),
        uid: text("uid"),
        children: Vec::new(),
        order: number("ord"),
        heading: number("heading"),
        open: number("open").map(|open| open != 0),
        text_align: word("align"),
        children_view: word("view"),
        log_id: number("log"),
        sidebar: number("sidebar"),
        created_at: number("created"),
        created_by: person(db, number("creator"))?,
        edited_at: number("edited"),
        edited_by: person(db, number("editor"))?,
        extra,
    })
}

/// How many of a block and those below it are written in the export.
fn strings(block: &Node) -> u64 {
    u64::from(block.string.is_some()) + block.children.iter().map(strings).sum::<u64>()
}

/// The uid of a user.
fn person(db: &Connection, entity: Option<i64>) -> Result<Option<String>, Problem> {
    let found = db
        .prepare_cached("SELECT person FROM entity WHERE e = ?1")?
        .query_row(params![entity], |row| row.get::<_, Option<String>>(0))
        .optional()?;
    Ok(found.flatten())
}
