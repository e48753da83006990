//! The attributes of Roam's database, and where each is stored here.

use super::error::{Position, QueryError};

/// One attribute.
#[derive(Debug, PartialEq)]
pub(super) struct Attribute {
    /// With its namespace and without its colon.
    pub(super) name: &'static str,
    pub(super) stored: Stored,
}

/// How a value is found.
#[derive(Debug, PartialEq)]
pub(super) enum Stored {
    /// In a column of `node`.
    Column {
        column: &'static str,
        rows: Rows,
        holds: Holds,
    },
    Children,
    Parents,
    Page,
    Refs,
    /// The place of a page among the shortcuts.
    Shortcut,
    /// The person that a column of `node` names.
    Person(&'static str),
    /// What is known of a person: what it is called in the tables.
    Name,
    /// What it is shown as.
    Shown,
    /// That name if it is an address.
    Address,
    /// In `node.extra`, under one of these keys.
    Extra(&'static [&'static str]),
    /// Roam has it, and this database does not keep it.
    Nowhere {
        /// Whether its values are entities.
        refers: bool,
    },
}

/// Which rows of `node` an attribute is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rows {
    All,
    Pages,
    Blocks,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Holds {
    Text,
    Number,
    Flag,
    Keyword,
}

const fn column(name: &'static str, column: &'static str, rows: Rows, holds: Holds) -> Attribute {
    Attribute { name, stored: Stored::Column { column, rows, holds } }
}

const fn other(name: &'static str, stored: Stored) -> Attribute {
    Attribute { name, stored }
}

const CREATOR_ADDRESS: &str = "CASE WHEN created_by LIKE '%@%' THEN created_by END";
const EDITOR_ADDRESS: &str = "CASE WHEN edited_by LIKE '%@%' THEN edited_by END";

/// All of them. An export names people by a uid, or by an address in old days; where it says no more, that has to do as their name.
pub(super) static ATTRIBUTES: [Attribute; 35] = [
    column("block/uid", "uid", Rows::All, Holds::Text),
    column("block/string", "text", Rows::Blocks, Holds::Text),
    column("node/title", "text", Rows::Pages, Holds::Text),
    column("block/order", "ord", Rows::Blocks, Holds::Number),
    column("block/open", "open", Rows::Blocks, Holds::Flag),
    column("block/heading", "heading", Rows::Blocks, Holds::Number),
    column("block/text-align", "text_align", Rows::All, Holds::Text),
    column("children/view-type", "children_view", Rows::All, Holds::Keyword),
    column("log/id", "log_id", Rows::Pages, Holds::Number),
    column("create/time", "created_at", Rows::All, Holds::Number),
    column("edit/time", "edited_at", Rows::All, Holds::Number),
    column("page/edit-time", "edited_at", Rows::Pages, Holds::Number),
    column("create/email", CREATOR_ADDRESS, Rows::All, Holds::Text),
    column("edit/email", EDITOR_ADDRESS, Rows::All, Holds::Text),
    other("block/children", Stored::Children),
    other("block/parents", Stored::Parents),
    other("block/page", Stored::Page),
    other("block/refs", Stored::Refs),
    other("create/user", Stored::Person("created_by")),
    other("edit/user", Stored::Person("edited_by")),
    other("user/uid", Stored::Name),
    other("user/display-name", Stored::Shown),
    other("user/email", Stored::Address),
    other("block/props", Stored::Extra(&[":block/props", "props"])),
    other("block/view-type", Stored::Extra(&[":block/view-type"])),
    other("ent/emojis", Stored::Extra(&[":ent/emojis", "emojis"])),
    other("page/sidebar", Stored::Shortcut),
    other("page/word-count", Stored::Extra(&[":page/word-count"])),
    other("edit/seen-by", Stored::Nowhere { refers: true }),
    other("page/edit-user", Stored::Nowhere { refers: true }),
    other("user/display-page", Stored::Nowhere { refers: true }),
    other("user/photo-url", Stored::Nowhere { refers: false }),
    other("user/settings", Stored::Nowhere { refers: false }),
    other("attrs/lookup", Stored::Nowhere { refers: true }),
    other("entity/attrs", Stored::Nowhere { refers: false }),
];

impl Attribute {
    /// The attribute of that name, without its colon.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        ATTRIBUTES.iter().find(|attribute| attribute.name == name)
    }

    /// The attribute of that name, or an error that says which there are.
    pub(super) fn named(name: &str, at: Position) -> Result<&'static Self, QueryError> {
        Self::find(name).ok_or_else(|| {
            let last = |name: &str| name.rsplit('/').next().map(str::to_owned);
            let alike = ATTRIBUTES.iter().find(|known| last(known.name) == last(name));
            let advice = match alike {
                Some(alike) => format!("did you mean `:{}`?", alike.name),
                None => {
                    let known: Vec<String> = ATTRIBUTES.iter().map(|known| format!(":{}", known.name)).collect();
                    format!("there are {}", known.join(" "))
                }
            };
            at.wrong(format!("`:{}` is not an attribute; {advice}", name.chars().take(80).collect::<String>()))
        })
    }

    /// The same for a condition, which would take an attribute that is not kept for one that nothing has.
    pub(super) fn asked(name: &str, at: Position) -> Result<&'static Self, QueryError> {
        match name {
            "attrs/lookup" | "entity/attrs" => Err(at.wrong(format!(
                "`:{name}` is not kept here; an attribute is a page that a block refers to, so look for \
                 `[?page :node/title \"Attribute\"] [?block :block/refs ?page]` and for texts that begin with \
                 `Attribute::`"
            ))),
            _ => Self::named(name, at),
        }
    }

    /// Whether this database keeps it.
    pub(super) fn is_kept(&self) -> bool {
        !matches!(self.stored, Stored::Nowhere { .. })
    }

    /// Whether its values are entities.
    pub(super) fn refers(&self) -> bool {
        use Stored::{Children, Nowhere, Page, Parents, Person, Refs};
        matches!(self.stored, Children | Parents | Page | Refs | Person(_) | Nowhere { refers: true })
    }

    /// Whether an entity can have several values.
    pub(super) fn is_many(&self) -> bool {
        matches!(self.stored, Stored::Children | Stored::Parents | Stored::Refs)
    }

    /// Whether a value belongs to one entity alone, so that `[:block/uid "…"]` can stand for the entity.
    pub(super) fn is_unique(&self) -> bool {
        matches!(self.name, "block/uid" | "node/title" | "user/uid")
    }

    /// Whether the entities that have a given value are found without looking at all of them.
    pub(super) fn is_indexed(&self) -> bool {
        use Stored::{Address, Children, Name, Nowhere, Page, Parents, Refs, Shown};
        self.is_unique()
            || matches!(self.stored, Children | Parents | Page | Refs | Name | Shown | Address | Nowhere { .. })
    }

    /// Whether its values are in the search index.
    pub(super) fn is_searchable(&self) -> bool {
        matches!(self.name, "block/string" | "node/title")
    }
}
