/// What several threads did over some time: a row each, with a bar for whatever lasted, drawn as SVG.
public struct Timeline: Sendable, Equatable {
    public struct Bar: Sendable, Equatable {
        public var start: Double
        public var end: Double
        /// What it is, as in `kinds`.
        public var kind: Int

        public init(start: Double, end: Double, kind: Int) {
            self.start = start
            self.end = end
            self.kind = kind
        }
    }

    public struct Row: Sendable, Equatable {
        public var label: String
        /// In drawing order: what is within another comes after it.
        public var bars: [Bar]
        /// Whether the row begins a group, with some room before it.
        public var beginsGroup: Bool

        public init(_ label: String, bars: [Bar], beginsGroup: Bool = false) {
            self.label = label
            self.bars = bars
            self.beginsGroup = beginsGroup
        }
    }

    public var title: String
    /// A second line under the title, in small letters.
    public var subtitle: String
    /// Of the axis of time.
    public var unit: String
    /// Names of what bars are, for the legend.
    public var kinds: [String]
    public var rows: [Row]
    /// In pixels of the viewer's unit.
    public var width: Double

    public init(
        title: String, subtitle: String = "", unit: String, kinds: [String], rows: [Row], width: Double = 900
    ) {
        self.title = title
        self.subtitle = subtitle
        self.unit = unit
        self.kinds = kinds
        self.rows = rows
        self.width = width
    }

    /// The whole document; it can be written to a file or put into an HTML page as it is.
    public var svg: String { TimelineDrawing(self, theme: .light).svg }
}
