//! The registry's enums, each kept as text.

use shared_kernel::text_enum;

text_enum!(
    /// A level of the union's tree.
    OrganisationKind {
        /// The union's centre: a root.
        Central => "central",
        /// Of a region.
        Regional => "regional",
        /// Of a town or district.
        Territorial => "territorial",
        /// Of one employer.
        Primary => "primary",
        /// A group within a primary one.
        Group => "group",
    }
);

text_enum!(
    /// Whether a person belongs to the union.
    MemberStatus {
        /// Belongs.
        Active => "active",
        /// Belongs, with rights suspended.
        Suspended => "suspended",
        /// Belongs no more, or not yet on the day asked about.
        Left => "left",
    }
);

text_enum!(
    /// What a member does.
    Category {
        /// Works.
        Worker => "worker",
        /// Studies.
        Student => "student",
        /// Is retired and does not work.
        Pensioner => "pensioner",
        /// Gave none.
        Unspecified => "unspecified",
    }
);

text_enum!(
    /// A member's sex.
    Sex {
        /// A woman.
        Female => "female",
        /// A man.
        Male => "male",
    }
);

text_enum!(
    /// Why a stretch of membership began.
    Reason {
        /// Admitted by a decision.
        Admitted => "admitted",
        /// Brought in from a file.
        Imported => "imported",
        /// Came from another organisation.
        Transferred => "transferred",
        /// Rights were suspended.
        Suspended => "suspended",
        /// Rights were restored.
        Resumed => "resumed",
        /// Came back after leaving.
        Returned => "returned",
    }
);
