//! How far a call reaches beyond the graph.

use std::path::PathBuf;

use super::Tool;
use crate::access::Plane;

/// What a call may touch of the computer that serves it. Made from how the call arrived, never from what it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The call comes from a process of this computer's user, which can read files and open connections by itself: any
    /// file and any address will do for an upload.
    pub local: bool,
    /// Where files lie that others may upload by path; `None` for nowhere.
    pub uploads: Option<PathBuf>,
    /// Whether the tools that act on the desktop itself may be used.
    pub desktop: bool,
}

impl Reach {
    /// The reach of a process that the user has started on this computer.
    pub fn local() -> Self {
        Self { local: true, uploads: None, desktop: true }
    }

    /// Whether a tool may be used at all.
    pub fn covers(&self, tool: &Tool) -> bool {
        self.desktop || !tool.acts_on_desktop()
    }
}

/// What the operator gives callers from outside to reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    /// Where files lie that may be uploaded by path; `None` for nowhere.
    pub uploads: Option<PathBuf>,
    /// Whether the tools that act on the desktop itself may be used by those who are not in the tailnet.
    pub desktop_for_public: bool,
}

impl Outside {
    /// How far calls reach that arrive on a plane.
    pub fn reach(&self, plane: Plane) -> Reach {
        let desktop = match plane {
            Plane::Admin => return Reach::local(),
            Plane::Tailnet => true,
            Plane::Funnel | Plane::Direct => self.desktop_for_public,
        };
        Reach { local: false, uploads: self.uploads.clone(), desktop }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::find;

    #[test]
    fn the_desktop_is_out_of_reach_of_the_public_until_the_operator_says_otherwise() {
        let (shut, open) = (Outside::default(), Outside { desktop_for_public: true, ..Outside::default() });
        for (plane, by_default) in
            [(Plane::Admin, true), (Plane::Tailnet, true), (Plane::Funnel, false), (Plane::Direct, false)]
        {
            for tool in ["call_extension_tool", "reload_dev_extensions"] {
                let tool = find(tool).unwrap();
                assert_eq!((shut.reach(plane).covers(tool), open.reach(plane).covers(tool)), (by_default, true));
            }
            assert!(shut.reach(plane).covers(find("delete_page").unwrap()));
            assert_eq!(shut.reach(plane).local, plane == Plane::Admin);
        }
    }
}
