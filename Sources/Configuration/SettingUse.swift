/// Whether settings of a group are read, as the others stand: a row of the table that `Configurable.uses` is.
///
/// Not for contradictions, which `Configurable.validate` finds in any configuration: a setting that is not read is refused only
/// where somebody has asked for it, as complete files and presets have every key.
public struct SettingUse: Sendable {
    /// Paths relative to the group that says so; that of a group stands for all in it.
    public var keys: [String]
    public var isRead: Bool
    /// What stands behind the key in a message: `is only read with schedule: wsd`.
    public var reason: String

    public init(_ keys: String..., isRead: Bool, otherwise reason: String) {
        self.init(keys, isRead: isRead, otherwise: reason)
    }

    public init(_ keys: [String], isRead: Bool, otherwise reason: String) {
        self.keys = keys
        self.isRead = isRead
        self.reason = reason
    }
}
