/// Eight floats: the unit that the kernels compute with. Row widths are multiples of it, which configurations ensure.
package typealias Vector = SIMD8<Float>

package let vectorWidth = Vector.scalarCount

@inline(__always)
func load(_ pointer: UnsafePointer<Float>, _ index: Int) -> Vector {
    UnsafeRawPointer(pointer + index).loadUnaligned(as: Vector.self)
}

@inline(__always)
func load(_ pointer: UnsafeMutablePointer<Float>, _ index: Int) -> Vector {
    UnsafeRawPointer(pointer + index).loadUnaligned(as: Vector.self)
}

@inline(__always)
func store(_ vector: Vector, _ pointer: UnsafeMutablePointer<Float>, _ index: Int) {
    UnsafeMutableRawPointer(pointer + index).storeBytes(of: vector, as: Vector.self)
}

/// Sum of the lanes as a fixed tree, which compilers cannot reorder.
@inline(__always)
func sum(_ vector: Vector) -> Float {
    let four = vector.lowHalf + vector.highHalf
    let two = four.lowHalf + four.highHalf
    return two.x + two.y
}

@inline(__always)
func maximum(_ a: Vector, _ b: Vector) -> Vector { a.replacing(with: b, where: b .> a) }

@inline(__always)
func maximum(_ vector: Vector) -> Float { max(max4(vector.lowHalf), max4(vector.highHalf)) }

@inline(__always)
private func max4(_ v: SIMD4<Float>) -> Float {
    let x = v.x > v.y ? v.x : v.y
    let y = v.z > v.w ? v.z : v.w
    return x > y ? x : y
}
