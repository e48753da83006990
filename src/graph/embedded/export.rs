//! A graph as Roam exports it, in JSON: what an import reads.

use std::collections::HashMap;
use std::io::{self, Write};

use rusqlite::{Connection, Row};
use serde_json::{Map, Value};

use super::OpenError;

/// Why a graph was not exported whole.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is no such graph.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read.
    #[error("cannot read the graph: {0}")]
    Database(#[from] rusqlite::Error),
    /// The output cannot be written.
    #[error("cannot write the export: {0}")]
    Output(#[from] io::Error),
}

/// Writes all pages in the order they were made. Only one page or block is in memory at a time.
pub(super) fn export(db: &Connection, out: &mut dyn Write) -> Result<(u64, u64), ExportError> {
    // One state of the graph, whatever is written to it meanwhile.
    let db = db.unchecked_transaction()?;
    let (mut pages, mut blocks) = (0, 0);
    let mut roots = db.prepare("SELECT id FROM node WHERE parent IS NULL ORDER BY id")?;
    let mut tree = db.prepare(
        "WITH RECURSIVE tree(id, depth, ord) AS (
             VALUES (?1, 0, 0)
             UNION ALL
             SELECT child.id, tree.depth + 1, child.ord FROM tree JOIN node AS child ON child.parent = tree.id
             ORDER BY 2 DESC, 3
         )
         SELECT tree.depth, node.*, (SELECT ord FROM shortcut WHERE page = node.id) AS sidebar
         FROM tree CROSS JOIN node ON node.id = tree.id",
    )?;
    let mut people = people(&db)?;
    out.write_all(b"[")?;
    let mut roots = roots.query([])?;
    while let Some(root) = roots.next()? {
        out.write_all(if pages == 0 { b"\n" } else { b",\n" })?;
        let mut rows = tree.query([root.get::<_, i64>(0)?])?;
        let mut above: Option<usize> = None;
        while let Some(row) = rows.next()? {
            let depth: usize = row.get::<_, u32>(0)? as usize;
            match above {
                None => {}
                Some(above) if depth > above => out.write_all(b",\"children\":[")?,
                Some(above) => {
                    out.write_all("}]".repeat(above - depth).as_bytes())?;
                    out.write_all(b"},")?;
                }
            }
            let fields = Value::Object(fields(row, &mut people)?).to_string();
            // It is closed when what is below it is written.
            out.write_all(fields.strip_suffix('}').unwrap_or(&fields).as_bytes())?;
            above = Some(depth);
            blocks += u64::from(depth > 0);
        }
        out.write_all("}]".repeat(above.unwrap_or(0)).as_bytes())?;
        out.write_all(b"}")?;
        pages += 1;
    }
    out.write_all(b"\n]\n")?;
    out.flush()?;
    Ok((pages, blocks))
}

/// What is known of people beside their uids. Roam's JSON has no place for it; here it stands where they are named first.
type People = HashMap<String, Map<String, Value>>;

fn people(db: &Connection) -> rusqlite::Result<People> {
    let mut people = People::new();
    if !db.table_exists(None, "user")? {
        // Older formats have none.
        return Ok(people);
    }
    let mut query = db.prepare("SELECT uid, name, extra FROM user")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let extra: Option<String> = row.get("extra")?;
        let mut person: Map<String, Value> =
            extra.and_then(|extra| serde_json::from_str(&extra).ok()).unwrap_or_default();
        if let Some(name) = row.get::<_, Option<String>>("name")? {
            person.insert(":user/display-name".into(), name.into());
        }
        people.insert(row.get("uid")?, person);
    }
    Ok(people)
}

/// A page or block without its children. What is as it usually is stays away.
fn fields(row: &Row<'_>, people: &mut People) -> rusqlite::Result<Map<String, Value>> {
    let mut fields = Map::new();
    let text: String = row.get("text")?;
    let is_page = row.get::<_, Option<i64>>("parent")?.is_none();
    fields.insert(if is_page { "title" } else { "string" }.into(), text.into());
    fields.insert("uid".into(), row.get::<_, String>("uid")?.into());
    for (key, column) in [
        ("heading", "heading"),
        (":log/id", "log_id"),
        (":page/sidebar", "sidebar"),
        ("create-time", "created_at"),
        ("edit-time", "edited_at"),
    ] {
        if let Some(number) = row.get::<_, Option<i64>>(column)? {
            fields.insert(key.into(), number.into());
        }
    }
    for (key, column) in [("text-align", "text_align"), (":children/view-type", "children_view")] {
        if let Some(word) = row.get::<_, Option<String>>(column)? {
            fields.insert(key.into(), if key.starts_with(':') { format!(":{word}") } else { word }.into());
        }
    }
    for (key, column) in [(":create/user", "created_by"), (":edit/user", "edited_by")] {
        if let Some(name) = row.get::<_, Option<String>>(column)? {
            let mut person = people.remove(&name).unwrap_or_default();
            person.insert(":user/uid".into(), name.into());
            fields.insert(key.into(), person.into());
        }
    }
    if !row.get::<_, bool>("open")? {
        fields.insert("open".into(), false.into());
    }
    if let Some(Ok(Value::Object(extra))) =
        row.get::<_, Option<String>>("extra")?.map(|text| serde_json::from_str(&text))
    {
        fields.extend(extra);
    }
    Ok(fields)
}
