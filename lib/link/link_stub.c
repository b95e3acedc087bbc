/* placeholder until the first source of this layer lands */
typedef int link_not_empty;
