/// How the bytes of an image are laid out. Glance's list; anything else is refused with 400.
package enum DiskFormat: String, Codable, Sendable, CaseIterable {
    case ami, ari, aki, vhd, vhdx, vmdk, raw, qcow2, vdi, ploop, iso
}

/// What the bytes are wrapped in; `bare` when in doubt. Glance's list; anything else is refused with 400.
package enum ContainerFormat: String, Codable, Sendable, CaseIterable {
    case ami, ari, aki, bare, ovf, ova, docker, compressed
}

/// Who may see an image beside its owner.
package enum ImageVisibility: String, Codable, Sendable, CaseIterable {
    /// Everybody sees it and finds it in lists. Only an administrator makes an image public.
    case `public`
    /// Only the owner.
    case `private`
    /// The owner and the projects named as its members. What an image is when nothing is said.
    case shared
    /// Everybody who knows its id; in lists only for those who ask for community images.
    case community
}
