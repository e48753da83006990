//! What tests of the embedded graph, and of the layers above it, start from.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Embedded, Existing, ImportError, Imported};

/// The tables of an empty graph.
pub(in crate::graph) use super::schema::TABLES;

/// A directory with an export and, once it is imported, a database.
pub(crate) struct Workshop {
    directory: TempDir,
}

impl Workshop {
    pub(crate) fn with(export: &[u8]) -> Self {
        let directory = TempDir::new().unwrap();
        std::fs::write(directory.path().join("export.json"), export).unwrap();
        Self { directory }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn export(&self) -> PathBuf {
        self.directory.path().join("export.json")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.directory.path().join("graph.db")
    }

    pub(crate) fn import(&self) -> Result<Imported, ImportError> {
        Embedded::import(&self.export(), &self.database(), Existing::Keep, |_| {})
    }

    pub(crate) fn open(&self) -> Embedded {
        Embedded::open(&self.database()).unwrap()
    }
}

/// Imports and opens a graph. The directory lives as long as the workshop.
pub(crate) fn graph(export: &Value) -> (Workshop, Embedded) {
    let workshop = Workshop::with(export.to_string().as_bytes());
    workshop.import().unwrap();
    let graph = workshop.open();
    (workshop, graph)
}

/// A small garden, as an old Roam wrote it.
pub(crate) fn old_garden() -> Value {
    json!([
        {
            "title": "Garden", "uid": "gardenpag", "create-time": 1000, "create-email": "ann@example.com",
            "edit-time": 1500, "edit-email": "ann@example.com",
            "children": [
                {
                    "string": "Beds", "uid": "bedsblock", "heading": 2, "view-type": "numbered", "create-time": 2000,
                    "children": [
                        { "string": "Roses need [[Soil]] and #sun", "uid": "rosesblok", "create-time": 3000, "text-align": "center" },
                        { "string": "Compare with ((soiltest1))", "uid": "compareb1", "create-time": 4000, "open": false,
                          "children": [{ "string": "deep __down__", "uid": "deepblock", "create-time": 5000 }] },
                    ],
                },
                { "string": "```js\nlet a = 1;\n\nlet [[b]] = 2;```", "uid": "codeblock", "create-time": 6000 },
                { "string": "keep out #.rm-private", "uid": "hiddenblk", "create-time": 7000,
                  "children": [{ "string": "secret [[Soil]]", "uid": "hiddenkid", "create-time": 8000 }] },
            ],
        },
        {
            "title": "Soil", "uid": "soilpage1", "create-time": 1000, "edit-time": 9500,
            "children": [{ "string": "pH of `6.5` measured in the [[Garden]]", "uid": "soiltest1", "create-time": 9000 }],
        },
        {
            "title": "August 3rd, 2026", "uid": "08-03-2026", "create-time": 1000,
            "children": [{ "string": "Visit the café", "uid": "cafeblock", "create-time": 9900 }],
        },
    ])
}

/// The same garden, as a newer Roam writes it.
pub(crate) fn new_garden() -> Value {
    json!([
        {
            ":create/user": { ":user/uid": "annuser" }, "create-time": 1000, "title": "Garden", "uid": "gardenpag",
            ":edit/user": { ":user/uid": "annuser" }, "edit-time": 1500, ":block/refs": [],
            "children": [
                {
                    ":block/string": "Beds", "uid": "bedsblock", "heading": 2, ":children/view-type": ":numbered", ":create/time": 2000,
                    "children": [
                        { "string": "Roses need [[Soil]] and #sun", "uid": "rosesblok", ":create/time": 3000, ":block/text-align": ":center",
                          "refs": [{ "uid": "soilpage1" }], ":block/refs": [{ ":block/uid": "soilpage1" }] },
                        { "string": "Compare with ((soiltest1))", "uid": "compareb1", "create-time": 4000, "open": false,
                          ":block/props": { ":color": "red" }, "refs": [{ "uid": "soiltest1" }],
                          "children": [{ "string": "deep __down__", "uid": "deepblock", "create-time": 5000 }] },
                    ],
                },
                { "string": "```js\nlet a = 1;\n\nlet [[b]] = 2;```", "uid": "codeblock", "create-time": 6000 },
                { "string": "keep out #.rm-private", "uid": "hiddenblk", "create-time": 7000,
                  "children": [{ "string": "secret [[Soil]]", "uid": "hiddenkid", "create-time": 8000 }] },
            ],
        },
        {
            "title": "Soil", "uid": "soilpage1", ":create/time": 1000, "edit-time": 9500,
            "children": [{ "string": "pH of `6.5` measured in the [[Garden]]", "uid": "soiltest1", "create-time": 9000 }],
        },
        {
            "title": "August 3rd, 2026", "uid": "08-03-2026", "create-time": 1000, ":log/id": 1785715200000_i64,
            "children": [{ "string": "Visit the café", "uid": "cafeblock", "create-time": 9900, "order": 7 }],
        },
    ])
}
