/* placeholder until the first source of this layer lands */
typedef int crypto_not_empty;
