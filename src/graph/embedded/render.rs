//! Pages and blocks as annotated markdown: what the tools show.
//!
//! ```text
//! # Garden <roam uid="gR4dEn_01" refs="3"/>
//!
//! - Beds <roam uid="bEd000001" heading="2" childrenViewType="numbered"/>
//!   - Compare with ((sOiL00001))<ref>soil test</ref> <roam uid="bEd000002" hiddenChildren="4"/>
//! ```

use std::borrow::Cow;
use std::fmt::Write as _;

use rusqlite::{Connection, params};

use super::preview::Previews;
use super::store::Id;
use crate::graph::markup::code_spans;

/// How much of something is shown.
#[derive(Clone, Copy, Default)]
pub(super) struct Extent {
    /// Levels below the first line; `None` for all.
    pub(super) depth: Option<usize>,
    /// Characters of the first line; `None` for all.
    pub(super) chars: Option<usize>,
}

/// A row of the outline.
struct Line {
    uid: String,
    text: String,
    page: bool,
    depth: u32,
    heading: Option<u8>,
    view: Option<String>,
    refs: i64,
    hidden_children: i64,
}

/// A page or block and what is below it, without what is hidden.
pub(super) fn markdown(db: &Connection, root: Id, extent: Extent) -> rusqlite::Result<String> {
    let mut shown = String::new();
    let mut after_header = false;
    let mut previews = Previews::new(db);
    for mut line in outline(db, root, extent.depth)? {
        let mut cut = 0;
        if let Some(chars) = extent.chars.filter(|_| line.depth == 0)
            && let Some((end, _)) = line.text.char_indices().nth(chars)
        {
            cut = line.text[end..].chars().count();
            line.text.truncate(end);
        }
        if line.page {
            let _ = write!(shown, "# {}{}", line.text, tag(&line, cut));
            after_header = true;
            continue;
        }
        if !shown.is_empty() {
            shown.push_str(if after_header { "\n\n" } else { "\n" });
        }
        after_header = false;
        let text = previews.add_to(&line.text)?;
        item(&mut shown, line.depth, &text, &tag(&line, cut));
    }
    Ok(shown)
}

/// Writes one block as a list item; further lines of it stand below the text.
pub(super) fn item(shown: &mut String, depth: u32, text: &str, tag: &str) {
    let indent = "  ".repeat(depth as usize);
    for (number, line) in fence_on_its_own_line(text).split('\n').enumerate() {
        if number == 0 {
            let _ = write!(shown, "{indent}- {line}");
        } else if line.is_empty() {
            shown.push('\n');
        } else {
            let _ = write!(shown, "\n{indent}  {line}");
        }
    }
    shown.push_str(tag);
}

/// Roam keeps fenced code without a line break before the closing fence; as markdown it needs one.
fn fence_on_its_own_line(text: &str) -> Cow<'_, str> {
    if !text.contains("```") {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 1);
    let mut done = 0;
    for span in code_spans(text) {
        let ticks = text[span.clone()].len() - text[span.clone()].trim_start_matches('`').len();
        let begins_line = span.start == 0 || text[..span.start].ends_with('\n');
        // What is longer than the fence at the end are backticks of the code.
        let code = &text[span.start..span.end - ticks];
        if ticks < 3 || !begins_line || !code.contains('\n') || code.trim_end_matches('`').ends_with('\n') {
            continue;
        }
        shown.push_str(&text[done..span.end - ticks]);
        shown.push('\n');
        done = span.end - ticks;
    }
    shown.push_str(&text[done..]);
    shown.into()
}

/// ` <roam …/>`, with the attributes that apply.
fn tag(line: &Line, cut: usize) -> String {
    let mut tag = String::from(" <roam");
    // Very old graphs have uids that no reference can name; they are not shown as if one could.
    if line.uid.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
        let _ = write!(tag, " uid=\"{}\"", line.uid);
    }
    if let Some(heading) = line.heading {
        let _ = write!(tag, " heading=\"{heading}\"");
    }
    if let Some(view @ ("numbered" | "document")) = line.view.as_deref() {
        let _ = write!(tag, " childrenViewType=\"{view}\"");
    }
    for (name, count) in [("refs", line.refs), ("hiddenChildren", line.hidden_children), ("truncated", cut as i64)] {
        if count > 0 {
            let _ = write!(tag, " {name}=\"{count}\"");
        }
    }
    tag.push_str("/>");
    tag
}

/// The visible rows from `root` down, in reading order.
fn outline(db: &Connection, root: Id, depth: Option<usize>) -> rusqlite::Result<Vec<Line>> {
    // Ordered by depth first, the deepest, the queue of the recursion holds only siblings at each depth: a walk.
    let mut query = db.prepare_cached(
        "WITH RECURSIVE tree(id, depth, ord) AS (
             SELECT id, 0, 0 FROM node WHERE id = ?1 AND NOT hidden
             UNION ALL
             SELECT child.id, tree.depth + 1, child.ord FROM tree JOIN node AS child ON child.parent = tree.id
             WHERE tree.depth < ?2 AND NOT child.hidden
             ORDER BY 2 DESC, 3
         )
         SELECT node.uid, node.text, node.parent IS NULL, tree.depth, node.heading, node.children_view,
             (SELECT count(*) FROM refs WHERE refs.dst = node.id
              AND refs.src NOT IN (SELECT id FROM node WHERE hidden)),
             CASE WHEN tree.depth < ?2 THEN 0
             ELSE (SELECT count(*) FROM node AS child WHERE child.parent = node.id AND NOT child.hidden) END
         FROM tree CROSS JOIN node ON node.id = tree.id",
    )?;
    let limit = depth.map_or(i64::MAX, |depth| i64::try_from(depth).unwrap_or(i64::MAX));
    let rows = query.query_map(params![root, limit], |row| {
        Ok(Line {
            uid: row.get(0)?,
            text: row.get(1)?,
            page: row.get(2)?,
            depth: row.get(3)?,
            heading: row.get(4)?,
            view: row.get(5)?,
            refs: row.get(6)?,
            hidden_children: row.get(7)?,
        })
    })?;
    let mut lines: Vec<Line> = rows.collect::<Result<_, _>>()?;
    if lines.first().is_some_and(|first| first.page) {
        // The header of a page takes no level of its own.
        lines.iter_mut().skip(1).for_each(|line| line.depth -= 1);
    }
    Ok(lines)
}

/// Titles and texts from the page down to the parent of a block.
pub(super) fn path(db: &Connection, block: Id) -> rusqlite::Result<Vec<String>> {
    let mut above = db.prepare_cached(
        "WITH RECURSIVE up(id, height) AS (
             SELECT parent, 1 FROM node WHERE id = ?1 AND parent IS NOT NULL
             UNION ALL
             SELECT node.parent, height + 1 FROM up JOIN node ON node.id = up.id WHERE node.parent IS NOT NULL
         )
         SELECT node.text, node.parent IS NULL FROM up CROSS JOIN node ON node.id = up.id ORDER BY up.height DESC",
    )?;
    let rows = above.query_map([block], |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?)))?;
    let mut previews = Previews::new(db);
    rows.map(|row| row.and_then(|(text, page)| if page { Ok(text) } else { previews.add_to(&text) })).collect()
}
