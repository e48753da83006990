//! `data.block.fromMarkdown` and `data.page.fromMarkdown`.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::location::{Order, checked_title, make_room, section, target};
use super::update::{Update, view};
use super::within_depth;
use crate::graph::embedded::annotations::without_annotations;
use crate::graph::embedded::failure::{Failure, invalid};
use crate::graph::embedded::outline::Draft;
use crate::graph::embedded::request::Request;
use crate::graph::embedded::store::{self, Id, NewBlock};

/// Creates blocks below a block, a page or a daily note.
pub(in crate::graph::embedded) fn blocks_from_markdown(
    db: &Connection,
    request: &Request,
    drafts: Option<&[Draft]>,
) -> Result<Value, Failure> {
    let location = request.object("location")?.ok_or_else(|| invalid("`location` says where the blocks go."))?;
    let order = Order::new(location.value("order"))?;
    let drafts = drafts.ok_or_else(|| invalid("`markdown-string` is what to create."))?;
    let open = request.flag("open")?.unwrap_or(true);
    let nest_under = location.text("nest-under-str")?.map(without_annotations).filter(|text| !text.is_empty());
    if drafts.is_empty() {
        return Ok(json!({ "uids": [] }));
    }
    let now = Timestamp::now().as_millisecond();
    let mut parent = target(db, &location, now)?;
    if let Some(text) = nest_under {
        parent = section(db, parent, &text, now)?;
    }
    let uids = insert(db, parent, order, drafts, open, now)?;
    store::touch(db, parent, now)?;
    Ok(json!({ "uids": uids }))
}

/// Creates a page, with blocks if markdown comes with it.
pub(in crate::graph::embedded) fn page_from_markdown(
    db: &Connection,
    request: &Request,
    drafts: Option<&[Draft]>,
) -> Result<Value, Failure> {
    let page = request.object("page")?.ok_or_else(|| invalid("`page` says which page to create."))?;
    let title = page.text("title")?.map(without_annotations).ok_or_else(|| invalid("`page` has a `title`."))?;
    let view = view(&page)?;
    let uid = page.text("uid")?.filter(|uid| !uid.is_empty());
    if store::find_page(db, checked_title(&title)?)?.is_some() {
        return Err(invalid(
            "There is a page of that title already, written or only mentioned. Add to it with create_block and `pageTitle`.",
        ));
    }
    if let Some(uid) = uid
        && store::find(db, uid)?.is_some()
    {
        return Err(invalid("That uid is taken. Leave `uid` away to get a new one."));
    }
    let now = Timestamp::now().as_millisecond();
    let id = store::new_page(db, &title, uid.map(str::to_owned), now)?;
    if let Some(view) = view {
        db.prepare_cached("UPDATE node SET children_view = ?2 WHERE id = ?1")?.execute(params![id, view])?;
    }
    insert(db, id, Order::Last, drafts.unwrap_or_default(), true, now)?;
    let uid: String = db.prepare_cached("SELECT uid FROM node WHERE id = ?1")?.query_row([id], |row| row.get(0))?;
    Ok(json!({ "uid": uid }))
}

/// Creates a page without blocks.
pub(in crate::graph::embedded) fn page(db: &Connection, request: &Request) -> Result<Value, Failure> {
    page_from_markdown(db, request, None).map(|_| Value::Null)
}

/// Creates one block, whose text is not read as markdown.
pub(in crate::graph::embedded) fn block(db: &Connection, request: &Request) -> Result<Value, Failure> {
    let location = request.object("location")?.ok_or_else(|| invalid("`location` says where the block goes."))?;
    let order = Order::new(location.value("order"))?;
    let block = request.object("block")?.ok_or_else(|| invalid("`block` says what to create."))?;
    let text = block.text("string")?.map(without_annotations).ok_or_else(|| invalid("`block` has a `string`."))?;
    let uid = block.text("uid")?.filter(|uid| !uid.is_empty()).map(str::to_owned);
    if let Some(uid) = &uid
        && store::find(db, uid)?.is_some()
    {
        return Err(invalid("That uid is taken. Leave `uid` away to get a new one."));
    }
    let now = Timestamp::now().as_millisecond();
    let parent = target(db, &location, now)?;
    within_depth(store::level(db, parent)? + 1)?;
    let order = order.among(store::children(db, parent)?);
    make_room(db, parent, order, 1)?;
    let new = NewBlock { uid, parent, order, text: &text, heading: None, open: true, now };
    let (_, uid) = store::create_block(db, &new)?;
    Update::of_looks(&block, uid)?.apply(db, now)?;
    Ok(Value::Null)
}

/// Stores the drafts below `parent` and returns the uids of the top ones.
pub(super) fn insert(
    db: &Connection,
    parent: Id,
    order: Order,
    drafts: &[Draft],
    open: bool,
    now: i64,
) -> Result<Vec<String>, Failure> {
    let deepest = drafts.iter().map(|draft| draft.depth + 1).max().unwrap_or(0);
    within_depth(store::level(db, parent)?.saturating_add_unsigned(deepest as u64))?;
    let first = order.among(store::children(db, parent)?);
    let top = drafts.iter().filter(|draft| draft.depth == 0).count();
    make_room(db, parent, first, i64::try_from(top).unwrap_or(i64::MAX))?;
    let mut uids = Vec::new();
    // The parents of the next draft, from the top, each with the order its next child gets.
    let mut above = vec![(parent, first)];
    for draft in drafts {
        above.truncate(draft.depth + 1);
        let Some((parent, next)) = above.last_mut() else { break };
        let block = NewBlock {
            uid: None,
            parent: *parent,
            order: *next,
            text: &draft.text,
            heading: draft.heading,
            open: open || draft.depth > 0,
            now,
        };
        *next += 1;
        let (id, uid) = store::create_block(db, &block)?;
        if draft.depth == 0 {
            uids.push(uid);
        }
        above.push((id, 0));
    }
    Ok(uids)
}
