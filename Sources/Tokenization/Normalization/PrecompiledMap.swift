import Foundation

/// SentencePiece's compiled normalization: a double array from the bytes of characters to what replaces them (`Precompiled` of
/// `tokenizers`, whose handling of clusters this follows, odd as it is).
struct PrecompiledMap: Sendable {
    /// Units of the double array (Aoe 1989, in the layout of Darts).
    private let units: [UInt32]
    /// Replacements, each ended by a zero.
    private let replacements: [UInt8]
    /// For each ASCII character whether it is replaced.
    private let replacesASCII: [Bool]

    /// Longer clusters are looked at character by character.
    private static let longestCluster = 5

    /// - Returns: nil for an empty map, which changes nothing.
    /// - Throws: `TokenizerError.invalid` for what is no such map.
    init?(_ component: JSONComponent) throws(TokenizerError) {
        let problem = "`precompiled_charsmap` is not a map of SentencePiece in base 64"
        guard component.optional("precompiled_charsmap") != nil else { return nil }
        let text = try component.string("precompiled_charsmap")
        if text.isEmpty { return nil }
        guard let data = Data(base64Encoded: text), data.count >= 4 else {
            throw .invalid(component: component.name, problem: problem)
        }
        let bytes = [UInt8](data)
        func number(_ offset: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32($1 * 8) }
        }
        let count = Int(number(0)) / 4
        guard count > 0, count * 4 + 4 <= bytes.count else {
            throw .invalid(component: component.name, problem: problem)
        }
        replacements = Array(bytes[(count * 4 + 4)...])
        guard replacements.withUnsafeBytes({ UTF8Repair.firstInvalid($0) }) == nil else {
            throw .invalid(component: component.name, problem: problem + ": its replacements are not UTF-8")
        }
        let units = (0..<count).map { number(4 + $0 * 4) }
        var replacesASCII = [Bool](repeating: false, count: 128)
        for byte in 1..<128 {
            let found = [UInt8(byte)].withUnsafeBufferPointer { Self.find($0, units) }
            replacesASCII[byte] = found != nil
        }
        self.units = units
        self.replacesASCII = replacesASCII
    }

    /// Where the replacement of the shortest known beginning of a text stands.
    private static func find(_ text: UnsafeBufferPointer<UInt8>, _ units: [UInt32]) -> Int? {
        guard let first = units.first else { return nil }
        var node = offset(first)
        for byte in text {
            if byte == 0 { return nil }
            node ^= Int(byte)
            guard node < units.count, case let unit = units[node], unit & 0x8000_00FF == UInt32(byte) else {
                return nil
            }
            node ^= offset(unit)
            if unit >> 8 & 1 == 1 {
                guard node < units.count else { return nil }
                return Int(units[node] & 0x7FFF_FFFF)
            }
        }
        return nil
    }

    private static func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int((unit & (1 << 9)) >> 6) }

    /// What the shortest known beginning of a text is replaced by, which stands for the text as a whole; nil for nothing known.
    private func replacement(_ text: UnsafeBufferPointer<UInt8>) -> [UInt32]? {
        guard let start = Self.find(text, units), start <= replacements.count else { return nil }
        // Within a character: none of it.
        if start < replacements.count, replacements[start] & 0xC0 == 0x80 { return nil }
        let end = replacements[start...].firstIndex(of: 0) ?? replacements.count
        return replacements[start..<end].withUnsafeBufferPointer { $0.decodedScalars() }
    }

    func normalize(_ text: inout AlignedText) {
        var changes: [AlignedText.Change] = []
        var isChanged = false
        var bytes: [UInt8] = []
        text.scalars.withUnsafeBufferPointer { scalars in
            var position = 0
            while position < scalars.count {
                let run = Graphemes.run(scalars, from: position)
                if changesNothing(scalars, run, &bytes) {
                    for index in run { changes.append(.init(scalar: scalars[index], change: 0)) }
                } else {
                    isChanged = true
                    Graphemes.divide(scalars, run) { normalize(scalars, $0, &bytes, into: &changes) }
                }
                position = run.upperBound
            }
        }
        if isChanged { text.transform(changes) }
    }

    /// Whether no cluster of a run can begin with anything known, so that there is no need to find them.
    private func changesNothing(
        _ scalars: UnsafeBufferPointer<UInt32>, _ run: Range<Int>, _ bytes: inout [UInt8]
    ) -> Bool {
        if run.count == 1, scalars[run.lowerBound] < 0x80 { return !replacesASCII[Int(scalars[run.lowerBound])] }
        bytes.removeAll(keepingCapacity: true)
        for index in run { appendUTF8(scalars[index], to: &bytes) }
        return bytes.withUnsafeBufferPointer { all in
            for start in all.indices where all[start] & 0xC0 != 0x80 {
                if Self.find(UnsafeBufferPointer(rebasing: all[start...]), units) != nil { return false }
            }
            return true
        }
    }

    private func normalize(
        _ scalars: UnsafeBufferPointer<UInt32>, _ cluster: Range<Int>, _ bytes: inout [UInt8],
        into changes: inout [AlignedText.Change]
    ) {
        bytes.removeAll(keepingCapacity: true)
        for index in cluster { appendUTF8(scalars[index], to: &bytes) }
        if bytes.count <= Self.longestCluster, let content = bytes.withUnsafeBufferPointer({ replacement($0) }) {
            append(content, inPlaceOf: cluster.count, &changes)
            return
        }
        for index in cluster {
            bytes.removeAll(keepingCapacity: true)
            appendUTF8(scalars[index], to: &bytes)
            if let content = bytes.withUnsafeBufferPointer({ replacement($0) }) {
                append(content, inPlaceOf: 1, &changes)
            } else {
                changes.append(.init(scalar: scalars[index], change: 0))
            }
        }
    }

    /// What goes is noted at the last scalar, be it of an earlier cluster; before the first one nothing notes it.
    private func append(_ content: [UInt32], inPlaceOf count: Int, _ changes: inout [AlignedText.Change]) {
        for (index, scalar) in content.enumerated() {
            changes.append(.init(scalar: scalar, change: index < count ? 0 : 1))
        }
        if content.count < count, !changes.isEmpty { changes[changes.count - 1].change += content.count - count }
    }
}
