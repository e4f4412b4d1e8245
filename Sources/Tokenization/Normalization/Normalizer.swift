/// What a text goes through before it is cut: the normalizers of tokenizer.json.
struct Normalizer: Sendable {
    enum Step: Sendable {
        case composed(isCompatible: Bool)
        case decomposed(isCompatible: Bool)
        case lowercase
        case stripAccents
        case strip(left: Bool, right: Bool)
        case prepend([UInt32])
        case replace(Pattern, [UInt32])
        case bert(BertNormalizer)
        case precompiled(PrecompiledMap)
    }

    let steps: [Step]
    /// No step changes ASCII.
    private let keepsASCII: Bool

    /// - Throws: `TokenizerError`, for what is malformed or unsupported.
    init(_ json: JSONValue) throws(TokenizerError) {
        steps = try Self.read(json, depth: 0)
        var growth = TextGrowth()
        for case .replace(let pattern, let content) in steps {
            try growth.multiply(content.count, by: pattern.literal?.count ?? 1, in: "normalizer")
        }
        keepsASCII = steps.allSatisfy { step in
            switch step {
            case .composed, .decomposed, .stripAccents: true
            default: false
            }
        }
    }

    /// The normalizers of a tokenizer that is trained here, in this order.
    init(isComposed: Bool, isLowercased: Bool) {
        steps = (isComposed ? [.composed(isCompatible: false)] : []) + (isLowercased ? [.lowercase] : [])
        keepsASCII = !isLowercased
    }

    private static func read(_ json: JSONValue, depth: Int) throws(TokenizerError) -> [Step] {
        let component = try JSONComponent("normalizer", json)
        switch try component.type() {
        case "NFC": return [.composed(isCompatible: false)]
        case "NFKC": return [.composed(isCompatible: true)]
        case "NFD": return [.decomposed(isCompatible: false)]
        case "NFKD": return [.decomposed(isCompatible: true)]
        case "Lowercase": return [.lowercase]
        case "StripAccents": return [.stripAccents]
        case "Strip":
            return [
                .strip(
                    left: try component.bool("strip_left", default: true),
                    right: try component.bool("strip_right", default: true))
            ]
        case "BertNormalizer": return [.bert(try BertNormalizer(component))]
        case "Precompiled": return try PrecompiledMap(component).map { [.precompiled($0)] } ?? []
        case "Prepend": return [.prepend(try component.string("prepend").unicodeScalars.map(\.value))]
        case "Replace":
            let content = try component.string("content").unicodeScalars.map(\.value)
            return try PatternSource.read(component).map { [.replace($0, content)] } ?? []
        case "Sequence":
            guard depth < 20 else { throw .invalid(component: "normalizer", problem: "nested too deeply") }
            var steps: [Step] = []
            for each in try component.array("normalizers") { steps += try read(each, depth: depth + 1) }
            return steps
        case let other: throw .unsupported(component: "normalizer", problem: "type \(other)")
        }
    }

    /// The normalized text. Bytes outside UTF-8 pass through and part what stands on both sides of them.
    func normalize(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        if keepsASCII, bytes.allSatisfy({ $0 < 0x80 }) { return Array(bytes) }
        var text = bytes.decodedScalars()
        for step in steps { Self.apply(step, to: &text) }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + bytes.count / 8)
        for scalar in text { appendUTF8(scalar, to: &result) }
        return result
    }

    private static func apply(_ step: Step, to text: inout [UInt32]) {
        switch step {
        case .composed(let isCompatible): text = NormalForms.shared.composed(text, isCompatible: isCompatible)
        case .decomposed(let isCompatible): text = NormalForms.shared.decomposed(text, isCompatible: isCompatible)
        case .lowercase:
            let mappings = NormalForms.shared.lowercase
            text = text.flatMap { mappings[$0] ?? [$0] }
        case .stripAccents:
            let table = CharacterTable.shared
            text.removeAll { table[$0].contains(.combiningMark) }
        case .strip(let left, let right):
            let table = CharacterTable.shared
            if right {
                let end = text.lastIndex { !table[$0].contains(.whitespace) } ?? -1
                text.removeSubrange((end + 1)...)
            }
            if left {
                let start = text.firstIndex { !table[$0].contains(.whitespace) } ?? text.count
                text.removeSubrange(..<start)
            }
        case .prepend(let prefix): if !text.isEmpty { text.insert(contentsOf: prefix, at: 0) }
        case .replace(let pattern, let content): replace(pattern, content, &text)
        case .bert(let normalizer): aligned(&text) { normalizer.normalize(&$0) }
        case .precompiled(let map): aligned(&text) { map.normalize(&$0) }
        }
    }

    /// What is written for `AlignedText` alone: no byte-level BPE that was released needs it.
    private static func aligned(_ text: inout [UInt32], _ change: (inout AlignedText) -> Void) {
        var bytes: [UInt8] = []
        for scalar in text { appendUTF8(scalar, to: &bytes) }
        var aligned = bytes.withUnsafeBufferPointer { AlignedText($0, at: 0) }
        change(&aligned)
        text = aligned.scalars
    }

    private static func replace(_ pattern: Pattern, _ content: [UInt32], _ text: inout [UInt32]) {
        text = text.withUnsafeBufferPointer { buffer in
            var matcher = PatternMatcher(pattern, buffer)
            var result: [UInt32] = []
            var position = 0
            while let match = matcher.find(from: position) {
                result.append(contentsOf: buffer[position..<match.lowerBound])
                result.append(contentsOf: content)
                position = match.upperBound
            }
            result.append(contentsOf: buffer[position...])
            return result
        }
    }
}
