/* Boot sector: reads what disk.py has put on the disk to its places in memory and starts Linux by its 32-bit boot
 * protocol. Bochs 2.7's BIOS hangs under the usual boot loaders' reads; these go to the disk's ports. */
    .code16
    .globl _start
_start:
    ljmp $0, $1f
1:  cli
    xorw %ax, %ax
    movw %ax, %ds
    inb $0x92, %al /* address line 20 */
    orb $2, %al
    outb %al, $0x92
    lgdt gdt_place
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmp $0x10, $2f
    .code32
2:  movw $0x18, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $0x80000, %esp
    cld
    movl $pieces, %esi
piece:
    movl (%esi), %ebx /* first sector, number of sectors, address */
    movl 4(%esi), %ecx
    movl 8(%esi), %edi
    addl $12, %esi
    testl %ecx, %ecx
    jz start
sector:
    call ready
    movw $0x1f2, %dx
    movb $1, %al
    outb %al, %dx
    incw %dx
    movl %ebx, %eax
    outb %al, %dx
    incw %dx
    shrl $8, %eax
    outb %al, %dx
    incw %dx
    shrl $8, %eax
    outb %al, %dx
    incw %dx
    shrl $8, %eax
    orb $0xe0, %al
    outb %al, %dx
    incw %dx
    movb $0x20, %al
    outb %al, %dx
    call ready
3:  inb %dx, %al
    testb $8, %al
    jz 3b
    pushl %ecx
    movl $256, %ecx
    movw $0x1f0, %dx
    rep insw
    popl %ecx
    incl %ebx
    loop sector
    jmp piece
start:
    movl $0x10000, %esi /* boot_params */
    xorl %ebp, %ebp
    xorl %edi, %edi
    xorl %ebx, %ebx
    movl $0x100000, %eax
    jmp *%eax
ready:
    movw $0x1f7, %dx
4:  inb %dx, %al
    testb $0x80, %al
    jnz 4b
    ret
    .balign 8
gdt:
    .quad 0, 0
    .quad 0x00cf9a000000ffff
    .quad 0x00cf92000000ffff
gdt_place:
    .word 31
    .long gdt
    .org 0x180
pieces:
    .fill 48
    .org 510
    .word 0xaa55
