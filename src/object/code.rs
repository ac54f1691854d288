//! The source tree. What git knows of it is provenance and the commit's: equal code has equal ids,
//! whether or not it was committed to git in between.

use crate::encoding::record;
use crate::object::{Node, object};

record! {
    /// The source code at a moment: what git tracks or would, without the files of other parts.
    pub struct Code {
        /// The directory of the sources.
        pub root: Node,
    }
}

object!(Code, CodeId, |code, see| see(code.root.link()));
