import Foundation

/// The boot sector of the trial guest, 512 bytes, made from this text:
///
/// ```asm
/// # The trial guest: a boot sector for the PC. To make it anew from this text:
/// #   as --64 -o t.o trial.s && ld -m elf_x86_64 -Ttext 0x7c00 --oformat binary -o t.bin t.o && base64 t.bin
///         .code16
///         .globl _start
/// _start: cli
///         xorw    %ax, %ax
///         movw    %ax, %ds
///         movw    %ax, %ss
///         movw    $0x7000, %sp
///         lgdtl   gdtr
///         movl    %cr0, %eax
///         orb     $1, %al
///         movl    %eax, %cr0
///         ljmpl   $0x08, $protected
///
///         .code32
/// protected:
///         movw    $0x10, %ax
///         movw    %ax, %ds
///         movw    %ax, %es
///         movw    %ax, %ss
///         movl    $0x7000, %esp
///         # Return from an interrupt that there was none of.
///         pushfl
///         pushl   $0x08
///         pushl   $returned
///         iretl
/// returned:
///         # Page tables at 0x10000: the first 2 MiB, one to one.
///         movl    $0x10000, %edi
///         movl    %edi, %cr3
///         xorl    %eax, %eax
///         movl    $0xc00, %ecx
///         rep     stosl
///         movl    $0x11003, 0x10000
///         movl    $0x12003, 0x11000
///         movl    $0x83, 0x12000
///         movl    %cr4, %eax
///         orl     $0x620, %eax            # PAE, OSFXSR, OSXMMEXCPT
///         movl    %eax, %cr4
///         movl    $0xc0000080, %ecx       # EFER
///         rdmsr
///         orl     $0x100, %eax            # LME
///         wrmsr
///         movl    %cr0, %eax
///         andl    $0xfffffffb, %eax       # not EM
///         orl     $0x80000002, %eax       # PG, MP
///         movl    %eax, %cr0
///         ljmp    $0x18, $long
///
///         .code64
/// long:   movq    $0x7000, %rsp
///         # SSE.
///         pcmpeqd %xmm0, %xmm0
///         movaps  %xmm0, 0x6000
///         # Interrupt 0x20 at 0x3000 + 0x200.
///         movl    $tick, %eax
///         movl    $0x3200, %edi
///         movw    %ax, (%rdi)
///         movw    $0x18, 2(%rdi)
///         movw    $0x8e00, 4(%rdi)
///         shrl    $16, %eax
///         movw    %ax, 6(%rdi)
///         movq    $0, 8(%rdi)
///         lidt    idtr
///         # The timer's controller: interrupts from 0x20, only the timer.
///         movb    $0x11, %al
///         outb    %al, $0x20
///         movb    $0x20, %al
///         outb    %al, $0x21
///         movb    $0x04, %al
///         outb    %al, $0x21
///         movb    $0x01, %al
///         outb    %al, $0x21
///         movb    $0xfe, %al
///         outb    %al, $0x21
///         xorl    %ebx, %ebx
///         sti
/// wait:   hlt
///         cmpl    $3, %ebx
///         jb      wait
///         cli
///         movl    $said, %esi
///         movw    $0x3f8, %dx
/// say:    lodsb
///         testb   %al, %al
///         jz      end
///         outb    %al, %dx
///         jmp     say
/// end:    hlt
///         jmp     end
///
/// tick:   incl    %ebx
///         pushq   %rax
///         movb    $0x20, %al
///         outb    %al, $0x20
///         popq    %rax
///         iretq
///
/// said:   .asciz  "MERIDIAN-BOOTED\n"
///         .balign 8
/// gdt:    .quad   0
///         .quad   0x00cf9a000000ffff      # 0x08: 32-bit code
///         .quad   0x00cf92000000ffff      # 0x10: data
///         .quad   0x00af9a000000ffff      # 0x18: 64-bit code
/// gdtr:   .word   gdtr - gdt - 1
///         .long   gdt
/// idtr:   .word   0x20f
///         .quad   0x3000
///         .org    510
///         .word   0xaa55
/// ```
enum TrialSector {
    static let data: Data = {
        var sector = Data(base64Encoded: code) ?? Data()
        sector.append(Data(count: 510 - sector.count))
        // The BIOS boots nothing without this.
        sector.append(contentsOf: [0x55, 0xaa])
        return sector
    }()

    private static let code =
        "+jHAjtiO0LwAcGYPARZIfQ8gwAwBDyLAZuogfAAACABmuBAAjtiOwI7QvABwAACcaghoOHwAAM+/AAABAA8i3zHAuQAMAADzq8cFAAABAAMQAQDHBQAQAQAD"
        + "IAEAxwUAIAEAgwAAAA8g4A0gBgAADyLguYAAAMAPMg0AAQAADzAPIMCD4PsNAgAAgA8iwOqVfAAAGABIx8QAcAAAZg92wA8pBCUAYAAAuAp9AAC/ADIAAGaJ"
        + "B2bHRwIYAGbHRwQAjsHoEGaJRwZIx0cIAAAAAA8BHCVOfQAAsBHmILAg5iGwBOYhsAHmIbD+5iEx2/v0g/sDcvr6vhR9AABmuvgDrITAdAPu6/j06/3/w1Cw"
        + "IOYgWEjPTUVSSURJQU4tQk9PVEVECgAPHwAAAAAAAAAAAP//AAAAms8A//8AAACSzwD//wAAAJqvAB8AKH0AAA8CADA="
}
