/* os/elf.c - names of functions that the dynamic linker does not know: static
 * ones, and all of a program that was not linked with -rdynamic.
 *
 * The file that a piece of code was mapped from has a table of all its symbols,
 * unless it was stripped.  It is mapped, searched and unmapped: for reports,
 * where a few milliseconds do not matter and a signal handler may be asking.
 *
 * Format: System V ABI, "Symbol Table"; elf(5).
 */
#include "base/base.h"
#include "os/os.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct image {
	const char *at;
	size_t size;
};

static bool image_open(struct image *im, const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p = MAP_FAILED;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && st.st_size > (off_t)sizeof(Elf64_Ehdr)) {
		im->size = (size_t)st.st_size;
		p = mmap(NULL, im->size, PROT_READ, MAP_PRIVATE, fd, 0);
	}
	close(fd);
	im->at = p;
	return p != MAP_FAILED;
}

/* `count` things of `each` bytes at `offset`, NULL when the file ends before. */
static const void *part(const struct image *im, uint64_t offset, uint64_t count,
			uint64_t each)
{
	return offset <= im->size && count <= (im->size - offset) / each ?
	       im->at + offset : NULL;
}

static bool covers(const Elf64_Sym *s, uint64_t where)
{
	return ELF64_ST_TYPE(s->st_info) == STT_FUNC &&
	       s->st_value <= where && where - s->st_value < s->st_size;
}

/* Look `where` up in the symbols of section `sym`. */
static const char *lookup(const struct image *im, const Elf64_Shdr *all,
			  uint16_t n, const Elf64_Shdr *sym, uint64_t where,
			  uint64_t *start)
{
	uint64_t count = sym->sh_size / sizeof(Elf64_Sym);
	const Elf64_Sym *s = part(im, sym->sh_offset, count, sizeof *s);
	const Elf64_Shdr *names = sym->sh_link < n ? &all[sym->sh_link] : NULL;
	const char *text;

	if (!s || !names || !(text = part(im, names->sh_offset,
					  names->sh_size, 1)))
		return NULL;
	for (uint64_t i = 0; i < count; i++)
		if (covers(&s[i], where) && s[i].st_name < names->sh_size) {
			*start = s[i].st_value;
			return text + s[i].st_name;
		}
	return NULL;
}

size_t weft__os_elf_name(const char *file, uintptr_t pc, uintptr_t base,
			 char *buf, size_t size, uintptr_t *into)
{
	const Elf64_Ehdr *head;
	const Elf64_Shdr *all;
	const char *name = NULL;
	uint64_t where, start = 0;
	struct image im;
	size_t len = 0;

	if (!image_open(&im, file))
		return 0;
	head = (const Elf64_Ehdr *)im.at;
	where = head->e_type == ET_EXEC ? pc : pc - base;
	all = memcmp(head->e_ident, ELFMAG, SELFMAG) == 0 &&
	      head->e_ident[EI_CLASS] == ELFCLASS64 &&
	      head->e_shentsize == sizeof *all ?
	      part(&im, head->e_shoff, head->e_shnum, sizeof *all) : NULL;
	for (uint16_t i = 0; all && i < head->e_shnum && !name; i++)
		if (all[i].sh_type == SHT_SYMTAB)
			name = lookup(&im, all, head->e_shnum, &all[i], where,
				      &start);
	if (name) {
		while (len + 1 < size && name + len < im.at + im.size &&
		       name[len]) {
			buf[len] = name[len];
			len++;
		}
		buf[len] = 0;
		*into = (uintptr_t)(where - start);
	}
	munmap((void *)im.at, im.size);
	return len;
}
