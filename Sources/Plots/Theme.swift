/// Colours of everything but the series.
public struct Theme: Sendable, Equatable {
    var ground: String
    var title: String
    var subtitle: String
    /// Names of axes and series.
    var text: String
    /// Numbers at the ticks.
    var label: String
    var axis: String
    var grid: String
    var minorGrid: String
    var reference: String
    /// Whether series need lighter colours.
    var isDark: Bool

    public static let light = Theme(
        ground: "#fff", title: "#111", subtitle: "#666", text: "#333", label: "#555", axis: "#888", grid: "#e2e2e2",
        minorGrid: "#f3f3f3", reference: "#444", isDark: false)

    public static let dark = Theme(
        ground: "#12151a", title: "#f2f4f7", subtitle: "#9aa5b3", text: "#d5dae1", label: "#aab3bf", axis: "#6b7684",
        grid: "#2a313b", minorGrid: "#1d2229", reference: "#c3cad4", isDark: true)
}
